import RealModule
import RunData
import Statistics

extension MismatchReport {
  /// Of each group whose spread still moves, one sentence: `Pre-LN: spread rose by 40 % over the window: not settled`.
  ///
  /// The spread over the window's first half is compared with that over its second half. It moves where one is a fifth larger than
  /// the other at least, and their intervals do not overlap; without intervals nothing is said.
  public var movements: [String] {
    guard let halves else { return [] }
    return entries.compactMap { entry in
      let spreads = halves.compactMap { half in
        (try? Mismatch(of: entry.group, operation: operation, statistic: statistic, window: half))?.spread
      }
      guard spreads.count == 2, let one = spreads[0].interval, let two = spreads[1].interval,
        one.upper < two.lower || two.upper < one.lower
      else { return nil }
      let change = spreads[1].value / spreads[0].value
      guard change.isFinite, max(change, 1 / change) >= 1 + Self.movement else { return nil }
      let percent = Int((100 * abs(change - 1)).rounded())
      return
        "\(entry.group.label): spread \(change > 1 ? "rose" : "fell") by \(percent) % over the window: not settled"
    }
  }

  /// The least change of a spread that is called one.
  private static let movement = 0.2

  private var halves: [StepWindow]? {
    let ends = entries.flatMap(\.group.runs).compactMap(\.steps.last)
    guard let last = ends.min() else { return nil }
    let upper = min(window.upper ?? .max, last + 1)
    guard upper - window.lower >= 2 else { return nil }
    let middle = window.lower + (upper - window.lower) / 2
    return [StepWindow(lower: window.lower, upper: middle), StepWindow(lower: middle, upper: upper)]
  }
}
