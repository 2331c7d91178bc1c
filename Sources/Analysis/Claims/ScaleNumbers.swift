import RunData
import Statistics

/// What a measurement reads of one run's learned scales, at the last snapshot.
struct ScaleNumbers {
  private let boxes: [BoxSummary]

  /// - Parameter scale: the tensor within a layer.
  /// - Returns: nil where the run has no snapshot, or no layer the scale.
  init?(_ run: RecordedRun, _ scale: String, _ selection: LayerSelection) {
    guard !run.snapshots.isEmpty else { return nil }
    let source = ScaleSource(title: "", origin: .run(run, snapshots: run.snapshots, schedule: nil))
    let values = source.values(of: GainName.fullName(scale), snapshot: run.snapshots.count - 1)
    guard let layers = try? selection.layers(of: values.count) else { return nil }
    boxes = layers.compactMap { values[$0] }.map { BoxSummary(of: $0, near: ScaleOptions().near) }
    guard !boxes.isEmpty, boxes.allSatisfy({ $0.count > 0 && $0.nonfiniteCount == 0 }) else { return nil }
  }

  /// The statistic of each layer.
  func layers(_ statistic: Claim.ScaleStatistic) -> [Double] {
    boxes.map { box in
      switch statistic {
      case .median: box.median
      case .mean: box.mean
      case .minimum: box.minimum
      case .maximum: box.maximum
      }
    }
  }

  /// The mean height of the layers' boxes.
  var width: Double {
    boxes.reduce(0) { $0 + $1.thirdQuartile - $1.firstQuartile } / Double(boxes.count)
  }

  /// The number of a measurement; nil where it has none.
  static func number(_ measurement: Measurement, _ run: RecordedRun) -> Double? {
    guard let scale = measurement.scale, let own = ScaleNumbers(run, scale, measurement.layers) else {
      return nil
    }
    let layers = own.layers(measurement.statistic)
    switch measurement.measure {
    case .scaleTrend: return DepthCorrelation(of: layers).value
    case .scaleWidth:
      guard let otherScale = measurement.otherScale else { return own.width }
      return ScaleNumbers(run, otherScale, measurement.layers).map { own.width / $0.width }
    default:
      switch measurement.take {
      case .mean: return layers.reduce(0, +) / Double(layers.count)
      case .largest: return layers.max()
      case .smallest: return layers.min()
      }
    }
  }
}
