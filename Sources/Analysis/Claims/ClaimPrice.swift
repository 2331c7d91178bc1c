import RealModule
import RunData
import Statistics

/// What it takes to decide a claim, as far as its seeds so far can tell.
public struct ClaimPrice: Equatable, Sendable {
  /// Seeds in all at which an interval around the effect that was found, as wide as these seeds' spread makes it, keeps clear of the bound;
  /// nil where more than ``mostSeeds`` are needed: where the effect lies at the bound.
  public let seeds: Int?
  /// Those that are not there yet.
  public var moreSeeds: Int? { seeds.map { max(0, $0 - count) } }
  /// Seconds that one more seed of every cell concerned takes.
  public let secondsPerSeed: Double
  /// The cells concerned, by position in the grid.
  public let cells: [Int]
  /// Seeds that are there.
  public let count: Int

  /// More seeds are a larger question than a recipe.
  public static let mostSeeds = 1000

  /// Seconds until the verdict; nil where no number of seeds gives one.
  public var seconds: Double? { moreSeeds.map { Double($0) * secondsPerSeed } }

  /// - Parameters:
  ///   - count: seeds that are there.
  ///   - deviation: the standard deviation of one seed's number, on the scale on which they are put together.
  ///   - distance: from their mean to the nearest bound, on that scale.
  ///   - rule: how the interval is found.
  ///   - cells: the cells concerned.
  ///   - secondsPerSeed: what one more seed of them takes.
  /// - Returns: nil where the spread or the effect is not known.
  public init?(
    count: Int, deviation: Double, distance: Double, rule: IntervalRule, cells: [Int], secondsPerSeed: Double
  ) {
    guard count > 1, deviation.isFinite, distance.isFinite, secondsPerSeed.isFinite else { return nil }
    self.count = count
    self.cells = cells
    self.secondsPerSeed = secondsPerSeed
    seeds = (2...Self.mostSeeds).first { rule.reach(count: $0) * deviation < distance }
  }

  /// `about 12 more seeds, 0.4 h`.
  public var words: String {
    guard let moreSeeds, let seconds else {
      return "more than \(Self.mostSeeds) seeds: the effect lies at the bound"
    }
    // The spread of few seeds is itself a guess: what it promises without another seed is one away.
    let more = max(1, moreSeeds)
    return "about \(more) more seed\(more == 1 ? "" : "s"), \(Self.time(max(seconds, secondsPerSeed)))"
  }

  /// `40 s`, `12 min`, `3.5 h`.
  public static func time(_ seconds: Double) -> String {
    if seconds < 90 { return "\(Int(seconds.rounded(.up))) s" }
    if seconds < 5400 { return "\(Int((seconds / 60).rounded())) min" }
    let tenths = (seconds / 360).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths)) h" : "\(tenths) h"
  }
}

/// The standard deviation of one of some independent numbers; not a number of fewer than two.
func standardDeviation(_ numbers: [Double]) -> Double {
  let mean = numbers.reduce(0, +) / Double(numbers.count)
  let squares = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  return (squares / Double(numbers.count - 1)).squareRoot()
}

extension Claim.Measure {
  /// The scale on which numbers of seeds are put together.
  public func scaled(_ number: Double) -> Double { isRatio ? Double.log10(number) : number }
}

extension Claim.Bound {
  /// How far a number lies from the bound, on the scale of a measure.
  public func distance(of value: Double, on measure: Claim.Measure) -> Double {
    func gap(_ limit: Double) -> Double { abs(measure.scaled(value) - measure.scaled(limit)) }
    return switch self {
    case .below(let limit), .above(let limit): gap(limit)
    case .between(let lower, let upper): min(gap(lower), gap(upper))
    }
  }
}

extension SweepReport {
  /// The cells that a measurement of these values reads: one, or where the chosen axis is not named, all of the choice.
  func cellIndices(matching values: [String: String]) -> [Int] {
    let found = indices(with: values)
    return found.count == 1 ? found : choices.first { Set(found).isSuperset(of: $0.cells) }?.cells ?? []
  }

  /// Seconds that one more run of a cell takes: a mean of those that are there.
  func secondsPerRun(cell index: Int) -> Double {
    let cell = cells[index]
    let totals = cell.endedRuns.compactMap { run -> Double? in
      // What was recorded elsewhere may not say how long its steps took.
      let seconds = run.seconds.filter(\.isFinite)
      guard let last = run.steps.last, !seconds.isEmpty else { return nil }
      return seconds.reduce(0, +) / Double(seconds.count) * Double(last + 1)
    }
    return totals.isEmpty ? 0 : totals.reduce(0, +) / Double(totals.count)
  }
}
