import RunData

/// One statistic of one operation in every layer over the recorded steps of a run.
///
/// It is made from a recorded run, or grown step by step while a run is under way: a live view and a figure read
/// the same values.
public struct LayerSeries: Equatable, Sendable {
  /// The recorded steps, ascending.
  public private(set) var steps: [Int]
  /// The attempt that each step was made in.
  public private(set) var segments: [Int]
  /// The statistic, `(layer)(record)`; not a number in a layer without the tensor, and where that does not train.
  public private(set) var values: [[Double]]
  /// Whether there is a value, `(layer)(record)`: of a gradient, where the tensor trains.
  public private(set) var isTrained: [[Bool]]
  /// The operation, e.g. `fc2.weight`.
  public let operation: String
  /// What is shown of each gradient.
  public let statistic: GradientStatistic
  /// Elements of the tensor in each layer; 0 in a layer without it.
  public let elementCounts: [Int]

  /// The series of one operation of a recorded run; nil where the run was read without it.
  public init?(run: RecordedRun, operation: String, statistic: GradientStatistic) {
    guard let series = run.gradients[operation] else { return nil }
    self.operation = operation
    self.statistic = statistic
    elementCounts = series.elementCounts
    let records = series.measuredRecords(statistic)
    guard records.count < run.steps.count else {
      steps = run.steps
      segments = run.segments
      values = (0..<series.layerCount).map { series.values(of: statistic, layer: $0) }
      isTrained = (0..<series.layerCount).map { series.isMeasured(statistic, layer: $0) }
      return
    }
    steps = records.map { run.steps[$0] }
    segments = records.map { run.segments[$0] }
    values = (0..<series.layerCount).map { layer in
      let values = series.values(of: statistic, layer: layer)
      return records.map { values[$0] }
    }
    isTrained = (0..<series.layerCount).map { layer in
      let isMeasured = series.isMeasured(statistic, layer: layer)
      return records.map { isMeasured[$0] }
    }
  }

  /// A number that a run has at every step, as a stack of one layer, so that whatever draws layers draws it too.
  ///
  /// - Precondition: `values` has one number a recorded step.
  init(run: RecordedRun, values: [Double], name: String) {
    self.init(steps: run.steps, segments: run.segments, values: values, name: name)
  }

  /// A number at some steps of a run, such as those at which it was evaluated; as a stack of one layer, too.
  ///
  /// - Precondition: as many steps and segments as values.
  init(steps: [Int], segments: [Int], values: [Double], name: String) {
    precondition(values.count == steps.count, "\(values.count) values for \(steps.count) steps")
    operation = name
    statistic = .l1
    self.steps = steps
    self.segments = segments
    elementCounts = [1]
    self.values = [values]
    isTrained = [values.map { _ in true }]
  }

  /// An empty series that is to grow with a run; nil where the run does not have the operation.
  public init?(manifest: RunManifest, operation: String, statistic: GradientStatistic) {
    let layout = manifest.gradients
    guard let tensor = layout.tensorNames.firstIndex(of: operation) else { return nil }
    self.operation = operation
    self.statistic = statistic
    steps = []
    segments = []
    elementCounts = (0..<layout.layerCount).map { layer in
      layout.elementCounts[layout.index(layer: layer, tensor: tensor)]
    }
    values = Array(repeating: [], count: layout.layerCount)
    isTrained = Array(repeating: [], count: layout.layerCount)
  }

  /// Adds the step that a run has just made.
  /// - Precondition: the record has the layout of the manifest that the series was made from.
  public mutating func append(_ record: StepRecord, segment: Int, layout: GradientLayout) {
    guard let tensor = layout.tensorNames.firstIndex(of: operation) else { return }
    steps.append(record.step)
    segments.append(segment)
    for layer in values.indices {
      let index = layout.index(layer: layer, tensor: tensor)
      let value = statistic.value(
        of: StatisticSums(
          l1: record.gradients.l1[index], sumSquares: record.gradients.sumSquares[index],
          weightSquares: record.parameters?.weights.sumSquares[index] ?? .nan,
          updateSquares: record.parameters?.updates.sumSquares[index] ?? .nan, count: elementCounts[layer]))
      values[layer].append(value)
      let hasGradient = record.gradients.nonfinite[index] != TensorSums.missingCount
      isTrained[layer].append(statistic.isOfGradient ? hasGradient : !value.isNaN)
    }
  }

  /// The number of layers.
  public var layerCount: Int { values.count }

  /// The last recorded value of each layer; empty before the first step.
  public var latest: [Double] { steps.isEmpty ? [] : values.compactMap(\.last) }

  /// The mean of each layer over the last `recordCount` records, or over all if there are fewer; empty before the first
  /// step.
  /// - Precondition: `recordCount > 0`.
  public func recentMeans(recordCount: Int) -> [Double] {
    precondition(recordCount > 0, "a mean of no records")
    guard !steps.isEmpty else { return [] }
    return values.map { layer in
      let recent = layer.suffix(recordCount)
      return recent.reduce(0, +) / Double(recent.count)
    }
  }

  /// Runs of records without a gap: positions in `steps`.
  public var stretches: [Range<Int>] { Self.stretches(steps: steps, segments: segments) }

  /// Splits records where something is missing.
  ///
  /// A distance between two records is a gap where it is at least twice the one before and the one after it, or, at
  /// a change of segment, longer than either of them. So a run recorded every N steps or on a logarithmic schedule has
  /// no gap. The first and the last distance are gaps only beside two that are equal.
  static func stretches(steps: [Int], segments: [Int]) -> [Range<Int>] {
    let distances = zip(steps.dropFirst(), steps).map { $0 - $1 }
    var result: [Range<Int>] = []
    var start = 0
    for index in distances.indices {
      let resumes = segments[index + 1] != segments[index]
      if isGap(at: index, in: distances, resumes: resumes) {
        result.append(start..<(index + 1))
        start = index + 1
      }
    }
    if start < steps.count { result.append(start..<steps.count) }
    return result
  }

  private static func isGap(at index: Int, in distances: [Int], resumes: Bool) -> Bool {
    let distance = distances[index]
    let before = index >= 1 ? distances[index - 1] : nil
    let after = index + 1 < distances.count ? distances[index + 1] : nil
    switch (before, after) {
    case (let before?, let after?):
      return resumes ? distance > min(before, after) : distance >= 2 * max(before, after)
    case (let before?, nil):
      return distance >= 2 * before && (resumes || index >= 2 && distances[index - 2] == before)
    case (nil, let after?):
      return distance >= 2 * after && (resumes || distances.count > 2 && distances[2] == after)
    case (nil, nil):
      return false
    }
  }
}
