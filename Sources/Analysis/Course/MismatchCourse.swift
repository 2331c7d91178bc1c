import RealModule
import RunData
import Statistics

/// The mismatch of one operation by windows along runs: whether it lasts, where it settles, where architectures cross.
public struct MismatchCourse: Sendable {
  /// The windows that a course has unless another number is asked for.
  public static let usualCount = 10
  /// How far from their mean the spreads of settled windows may lie: a tenth.
  public static let tolerance = 0.1

  /// What each window shows, in order; windows in which nothing was recorded are left out.
  public let windows: [MismatchReport]

  /// Measures groups of runs window by window.
  ///
  /// - Parameters:
  ///   - span: the steps that are cut into windows; by default all that every run has reached.
  ///   - count: equal windows that the span is cut into.
  /// - Throws: ``AnalysisError`` as ``MismatchReport`` does, where no window can be shown.
  public init(
    runs: [RecordedRun], operation: String = OperationChoice.usual, statistic: GradientStatistic = .l1,
    span: StepWindow? = nil, count: Int = usualCount, allowsMixedContracts: Bool = false
  ) throws(AnalysisError) {
    precondition(count > 0, "a course of \(count) windows")
    let groups = try RunGroup.groups(of: runs, allowsMixedContracts: allowsMixedContracts)
    let end = (runs.compactMap(\.steps.last).min() ?? 0) + 1
    let first = max(span?.lower ?? 0, runs.compactMap(\.steps.first).max() ?? 0)
    let last = min(span?.upper ?? .max, end)
    var problem = AnalysisError.emptyWindow(
      window: StepWindow(lower: first, upper: last), label: groups[0].label, recorded: nil)
    var windows: [MismatchReport] = []
    let length = max(0, last - first)
    for index in 0..<min(count, max(1, length)) {
      let window = StepWindow(
        lower: first + index * length / count, upper: first + max(index + 1, (index + 1) * length / count))
      do throws(AnalysisError) {
        windows.append(
          try MismatchReport(groups: groups, operation: operation, statistic: statistic, window: window))
      } catch {
        problem = error
      }
    }
    guard !windows.isEmpty else { throw problem }
    self.windows = windows
  }

  /// The groups, in the order of every window's entries.
  var labels: [String] { windows[0].entries.map(\.group.label) }

  /// The middle of each window.
  var middles: [Double] {
    windows.map { Double($0.window.lower + ($0.window.upper ?? $0.window.lower) - 1) / 2 }
  }

  /// The first step from which on a group's spread lies within ``tolerance`` of its mean, over three windows and two fifths of all at
  /// least; nil where it has not settled.
  public func settledStep(ofGroup index: Int) -> Int? {
    let logarithms = windows.map { Double.log10($0.entries[index].mismatch?.spread.value ?? .nan) }
    let fewest = max(3, (2 * windows.count + 4) / 5)
    for start in windows.indices where windows.count - start >= fewest {
      let rest = logarithms[start...]
      let mean = rest.reduce(0, +) / Double(rest.count)
      if rest.allSatisfy({ abs($0 - mean) <= Double.log10(1 + Self.tolerance) }) {
        return windows[start].window.lower
      }
    }
    return nil
  }

  /// How one group's spread compares with another's along the runs.
  public struct Crossing: Equatable, Sendable {
    /// The group.
    public var label: String
    /// The one that it is compared with.
    public var reference: String
    /// Steps at which the quotient of the spreads passes 1, by straight lines between the windows' middles on a logarithmic axis.
    public var steps: [Int]
    /// The quotient in the last window.
    public var last: Estimate
  }

  /// Every group against each before it, on paired seeds; pairs of which no window can be compared are left out.
  public var crossings: [Crossing] {
    labels.indices.flatMap { index in
      (0..<index).compactMap { crossing(index, over: $0) }
    }
  }

  private func crossing(_ index: Int, over reference: Int) -> Crossing? {
    let compared = zip(middles, windows).compactMap { middle, window in
      SpreadComparison(window.entries[index], reference: window.entries[reference])
        .map { (middle: middle, ratio: $0.ratio) }
    }
    guard let last = compared.last else { return nil }
    let steps = zip(compared, compared.dropFirst()).compactMap { before, after -> Int? in
      let (one, two) = (Double.log10(before.ratio.value), Double.log10(after.ratio.value))
      guard one != 0, one * two < 0 else { return nil }
      return Int((before.middle + (after.middle - before.middle) * one / (one - two)).rounded())
    }
    return Crossing(
      label: labels[index], reference: labels[reference], steps: steps, last: last.ratio)
  }
}
