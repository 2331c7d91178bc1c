import Foundation

/// Which share of a sweep's runs a process makes first: `2/8`.
package struct SweepShard: Equatable, Sendable {
  /// Counted from 1.
  let index: Int
  let count: Int

  /// Reads `i/N`; nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let index = parts[0], let count = parts[1], (1...100_000).contains(count),
      (1...count).contains(index)
    else { return nil }
    self.index = index
    self.count = count
  }

  /// Who takes a run, in the words of those who find it taken.
  static var holder: String { "process \(ProcessInfo.processInfo.processIdentifier)" }

  /// Its own share of some runs, then what others may have left.
  func ordered<Run>(_ runs: [Run]) -> [Run] {
    let isOwn = runs.indices.map { $0 % count == index - 1 }
    return zip(runs, isOwn).filter(\.1).map(\.0) + zip(runs, isOwn).filter { !$0.1 }.map(\.0)
  }
}
