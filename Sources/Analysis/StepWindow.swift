/// The optimizer steps that a mean runs over: from `lower` on, up to but not including `upper`.
///
/// Written `A:B` as a Python slice is; a side that is left out is open.
public struct StepWindow: Equatable, Sendable, CustomStringConvertible {
  /// The first step in the window.
  public var lower: Int
  /// The first step after it; nil where the window ends with the run.
  public var upper: Int?

  /// Creates a window.
  public init(lower: Int, upper: Int?) {
    self.lower = lower
    self.upper = upper
  }

  /// Reads `A:B`, `A:` or `:B`.
  /// - Throws: ``AnalysisError/badWindow`` for anything else and for a window without steps.
  public init(parsing text: String) throws(AnalysisError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw .badWindow(text) }
    lower = try Self.bound(parts[0], in: text) ?? 0
    upper = try Self.bound(parts[1], in: text)
    if let upper, upper <= lower { throw .badWindow(text) }
  }

  private static func bound(_ part: Substring, in text: String) throws(AnalysisError) -> Int? {
    if part.isEmpty { return nil }
    guard let number = Int(part), number >= 0 else { throw .badWindow(text) }
    return number
  }

  /// The second half of the steps that all `runs` have reached: by default, a mismatch is read there, behind the
  /// warm-up.
  public static func defaultWindow(for runs: [[Int]]) -> StepWindow {
    let end = (runs.compactMap(\.last).min() ?? 0) + 1
    let start = runs.compactMap(\.first).max() ?? 0
    return StepWindow(lower: min(start + max(0, end - start) / 2, end - 1), upper: end)
  }

  /// Whether a step lies in the window.
  public func contains(_ step: Int) -> Bool { step >= lower && step < upper ?? .max }

  /// The positions in ascending `steps` that lie in the window.
  public func indices(in steps: [Int]) -> Range<Int> {
    let first = steps.partitioningIndex { $0 >= lower }
    let end = upper.map { limit in steps.partitioningIndex { $0 >= limit } } ?? steps.count
    return first..<max(first, end)
  }

  /// The window as a range of steps, for reading no more than it; nil where none of `steps` lies in it.
  public func range(in steps: [Int]) -> Range<Int>? {
    indices(in: steps).isEmpty ? nil : lower..<(upper ?? .max)
  }

  /// For readers, with the last step that is in: `steps 300 to 599`.
  public var title: String {
    guard let upper else { return lower == 0 ? "all steps" : "steps from \(lower) on" }
    return upper == lower + 1 ? "step \(lower)" : "steps \(lower) to \(upper - 1)"
  }

  /// `A:B`, which ``init(parsing:)`` reads.
  public var description: String { "\(lower):\(upper.map(String.init) ?? "")" }
}

extension Array {
  /// The first position whose element satisfies `predicate`, where all that do come after all that do not.
  func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
