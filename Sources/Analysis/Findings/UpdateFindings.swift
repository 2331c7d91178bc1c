import RealModule
import RunData
import Text

/// What the sizes of updates against those of weights say about a run, in words.
///
/// Large tensors of the layers alone are looked at: those of at least a sixteenth of the largest one's elements, so matrices, and
/// neither gains nor biases, which begin at one value.
public struct UpdateFindings: Sendable {
  /// Layers that hardly move, or move far more than the others, a sentence a tensor.
  public let outliers: [String]
  /// How many tensors would lose their updates if weights were kept in bfloat16 alone; nil where none would.
  public let lostInBF16: String?

  /// Judges the means over a run's last steps.
  public init(_ means: ParameterMeans, of layout: GradientLayout, thresholds: FindingThresholds = .usual) {
    let least = (layout.elementCounts.max() ?? 0) / 16
    var outliers: [String] = []
    var (lost, looked) = (0, 0)
    for (tensor, name) in layout.tensorNames.enumerated() {
      let cells = (0..<layout.layerCount).compactMap { layer -> Cell? in
        let index = layout.index(layer: layer, tensor: tensor)
        let count = layout.elementCounts[index]
        guard count > 0, count >= least else { return nil }
        return Cell(
          layer: layer, weight: (means.weightSquares[index] / Double(count)).squareRoot(),
          update: (means.updateSquares[index] / Double(count)).squareRoot())
      }.filter { $0.weight > 0 && $0.weight.isFinite && $0.update.isFinite }
      outliers += Self.outliers(name, cells, factor: thresholds[.updateOutlier])
      looked += cells.count
      lost += cells.count { $0.isLostInBF16 }
    }
    let range = means.steps
    let window =
      range.count == 1 ? "step \(range.lowerBound)" : "steps \(range.lowerBound) to \(range.upperBound)"
    self.outliers = outliers.map { "\($0), over \(window)" }
    lostInBF16 =
      lost == 0
      ? nil
      : "in \(lost) of \(counted(looked, "large tensor")) the update's RMS lies below half a unit in the last place of bf16 at the"
        + " weights' RMS, over \(window): weights kept in bf16 alone would lose most of such updates to rounding"
  }

  /// One tensor of one layer.
  private struct Cell {
    var layer: Int
    var weight: Double
    var update: Double
    var ratio: Double { update / weight }

    /// bfloat16 has eight significant bits: half a unit in the last place of w is 2^(floor(log2 w) - 8).
    var isLostInBF16: Bool { update > 0 && update < Double.exp2(Double(weight.exponent) - 8) }
  }

  private static func outliers(_ name: String, _ cells: [Cell], factor: Double) -> [String] {
    guard cells.count >= 3 else { return [] }
    let sorted = cells.map(\.ratio).sorted()
    let median = sorted[sorted.count / 2]
    guard median > 0 else { return [] }
    func sentence(_ own: [Cell], _ words: String) -> String? {
      guard let worst = own.max(by: { abs(log($0, median)) < abs(log($1, median)) }) else { return nil }
      return
        "\(name) \(words) in \(layerList(own.map(\.layer))): update/weight \(NumberText.significant(worst.ratio, digits: 3))"
        + " against \(NumberText.significant(median, digits: 3)) in the median layer"
    }
    return [
      sentence(cells.filter { $0.ratio < median / factor }, "hardly moves"),
      sentence(cells.filter { $0.ratio > median * factor }, "moves fast"),
    ].compactMap(\.self)
  }

  private static func log(_ cell: Cell, _ median: Double) -> Double {
    cell.ratio > 0 ? Double.log(cell.ratio / median) : -.infinity
  }
}
