import RunData

/// What the horizontal axis of curves over training counts.
public enum StepAxis: String, Sendable, CaseIterable {
  /// Optimizer steps.
  case step
  /// Tokens that the loss has run over.
  case tokens
  /// The time that the steps took, without what lay between attempts.
  case time

  /// Where each record of a run lies: steps, tokens or seconds. A run that is not recorded at every step is taken to go on
  /// between two records as at the later one.
  func places(of run: RecordedRun) -> [Double] {
    switch self {
    case .step: run.steps.map(Double.init)
    case .tokens: Self.sums(run.tokens.map(Double.init), steps: run.steps)
    case .time: Self.sums(run.seconds, steps: run.steps)
    }
  }

  private static func sums(_ amounts: [Double], steps: [Int]) -> [Double] {
    var (sum, previous) = (0.0, -1)
    return zip(amounts, steps).map { amount, step in
      // Some recorders know of no time at some steps.
      sum += amount.isFinite ? amount * Double(step - previous) : 0
      previous = step
      return sum
    }
  }

  /// The unit in which places up to `most` read well: its name, and how many of the axis's own it has.
  func unit(upTo most: Double) -> (title: String, size: Double) {
    switch self {
    case .step: return ("step", 1)
    case .tokens:
      let units = [("tokens, billions", 1e9), ("tokens, millions", 1e6), ("tokens, thousands", 1e3)]
      return units.first { most >= $0.1 } ?? ("tokens", 1)
    case .time:
      let units = [
        ("training time, days", 172_800.0, 86_400.0), ("training time, h", 7200, 3600),
        ("training time, min", 120, 60),
      ]
      return units.first { most >= $0.1 }.map { ($0.0, $0.2) } ?? ("training time, s", 1)
    }
  }
}

/// How curves over training are drawn.
public struct CurveStyle: Equatable, Sendable {
  /// What the horizontal axis counts.
  public var axis: StepAxis
  /// Whether the vertical axis is logarithmic.
  public var isLogarithmic: Bool
  /// Whether long series get a moving mean over them.
  public var isSmoothed: Bool

  /// Creates a style; by default that of reports.
  public init(axis: StepAxis = .step, isLogarithmic: Bool = true, isSmoothed: Bool = true) {
    self.axis = axis
    self.isLogarithmic = isLogarithmic
    self.isSmoothed = isSmoothed
  }
}

extension CurveStyle {
  /// Where the records of a run lie on the horizontal axis of a figure of some runs.
  public func places(of run: RecordedRun, among runs: [RecordedRun]) -> [Double] {
    AxisPlaces(axis, of: runs)(run)
  }
}

/// The places of several runs on one horizontal axis.
struct AxisPlaces {
  let title: String
  let isWhole: Bool
  private let size: Double
  private let axis: StepAxis

  init(_ axis: StepAxis, of runs: [RecordedRun]) {
    self.axis = axis
    let most = axis == .step ? 0 : runs.compactMap { axis.places(of: $0).last }.max() ?? 0
    (title, size) = axis.unit(upTo: most)
    isWhole = axis == .step
  }

  func callAsFunction(_ run: RecordedRun) -> [Double] { axis.places(of: run).map { $0 / size } }
}
