import Charts
import Statistics

/// One quantity of a group of runs over the steps: a line with its range over seeds.
struct SeedCurve {
  /// The line width of a series as recorded, where a moving mean is drawn over it.
  static let rawWidth = 0.4

  /// What the legend calls it.
  let name: String
  let style: SeriesStyle
  /// Where the first marker lies, as a share of the distance between two.
  let phase: Double
  let shared: SharedSteps
  let band: SeedBand
  let runCount: Int
  /// Whether a long series gets a moving mean over it.
  var isSmoothed = true
  /// Where the shared steps lie on the horizontal axis; nil where that counts steps.
  var places: [Double]?

  private var x: [Double] { places ?? shared.steps.map(Double.init) }

  private var width: Int? { isSmoothed ? MovingMean.width(forRecords: shared.steps.count) : nil }

  /// The range over seeds.
  var areas: [any Mark] {
    guard runCount > 1 else { return [] }
    return [
      BandMark(
        "\(name), range over seeds", x: x, lower: band.lower, upper: band.upper, stretches: band.stretches,
        color: style.color)
    ]
  }

  /// The series as recorded, thin and pale, where a moving mean is drawn over it.
  var rawLines: [any Mark] {
    guard width != nil else { return [] }
    let pale = SeriesStyle(color: style.color.lightened(by: 0.45), lineWidth: Self.rawWidth)
    return [
      LineMark(
        "\(name), each step", x: x, y: band.mean, stretches: band.stretches, style: pale, isInLegend: false)
    ]
  }

  /// The moving mean; of a short series the series itself.
  var mainLines: [any Mark] {
    guard let width else { return [line(x: x, y: band.mean, stretches: band.stretches)] }
    let mean = MovingMean(of: band.mean, stretches: band.stretches, width: width)
    return [line(x: mean.positions.map { x[$0] }, y: mean.values, stretches: mean.stretches)]
  }

  private func line(x: [Double], y: [Double], stretches: [Range<Int>]) -> LineMark {
    LineMark(name, x: x, y: y, stretches: stretches, style: style, markerCount: 5, markerPhase: phase)
  }
}
