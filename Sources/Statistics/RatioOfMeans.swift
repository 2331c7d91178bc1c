import RealModule

/// The quotient of two means that vary together, with its interval: signal by noise.
///
/// The quotient is of means, never a mean of quotients, which would be biased, and infinite where a divisor comes near zero. The divisor
/// has to lie well away from zero: noise does, signal need not.
package enum RatioOfMeans {
  /// One run's numbers at its records.
  package struct Samples {
    package var numerators: [Double]
    package var denominators: [Double]
    /// Runs of records without a gap.
    package var stretches: [Range<Int>]

    package init(numerators: [Double], denominators: [Double], stretches: [Range<Int>]) {
      self.numerators = numerators
      self.denominators = denominators
      self.stretches = stretches
    }

    package var means: (numerator: Double, denominator: Double) {
      let count = Double(numerators.count)
      return (numerators.reduce(0, +) / count, denominators.reduce(0, +) / count)
    }
  }

  /// The quotient of the means over all records of some runs, each run as much as another.
  ///
  /// - Returns: with an interval over runs where there are three or more (Fieller's), else by a moving-block bootstrap over the records, where
  ///   these are enough; and where it comes from.
  package static func estimate(_ runs: [Samples]) -> (estimate: Estimate, method: IntervalMethod) {
    let means = runs.map(\.means)
    let value = sum(means.map(\.numerator)) / sum(means.map(\.denominator))
    if runs.count >= 3 {
      let interval = fieller(means.map(\.numerator), means.map(\.denominator))
      return (Estimate(value: value, interval: interval), .seeds(runs.count))
    }
    let fewest = runs.map(\.numerators.count).min() ?? 0
    guard fewest >= IntervalSampler.fewestRecords, value.isFinite else {
      return (Estimate(value: value, interval: nil), .none("\(fewest) steps, no interval"))
    }
    let lengths = runs.map { run in
      let divisor = run.means.denominator
      return BlockLength.atLeast(
        BlockLength.optimal(
          for: zip(run.numerators, run.denominators).map { ($0 - value * $1) / divisor }),
        of: run.numerators.count)
    }
    let blockCount = zip(runs, lengths).reduce(0) { $0 + Double($1.0.numerators.count) / Double($1.1) }
    let interval = BlockBootstrap.percentileInterval(
      of: resamples(runs, lengths), tailShare: BlockBootstrap.tailShare(blockCount: Int(blockCount)))
    return (
      Estimate(value: value, interval: interval),
      .steps(runs: runs.count, records: fewest, blockLength: lengths[0])
    )
  }

  /// The interval of a quotient of the means of independent pairs: Fieller, "Some Problems in Interval Estimation" (1954). Nil where the
  /// divisor's mean cannot be told from zero, for then it has no ends.
  package static func fieller(_ numerators: [Double], _ denominators: [Double]) -> Interval? {
    let count = Double(numerators.count)
    let (x, y) = (sum(numerators) / count, sum(denominators) / count)
    func covariance(_ one: [Double], _ two: [Double], _ a: Double, _ b: Double) -> Double {
      zip(one, two).reduce(0) { $0 + ($1.0 - a) * ($1.1 - b) } / (count - 1) / count
    }
    let (xx, yy) = (covariance(numerators, numerators, x, x), covariance(denominators, denominators, y, y))
    let xy = covariance(numerators, denominators, x, y)
    let t = StudentT.quantile(central: 0.95, degreesOfFreedom: numerators.count - 1)
    // The r for which (x - r y)² <= t² Var(x - r y).
    let square = y * y - t * t * yy
    let linear = x * y - t * t * xy
    let constant = x * x - t * t * xx
    let root = linear * linear - square * constant
    guard square > 0, root >= 0 else { return nil }
    return Interval(
      lower: (linear - root.squareRoot()) / square, upper: (linear + root.squareRoot()) / square)
  }

  private static func resamples(_ runs: [Samples], _ lengths: [Int]) -> [Double] {
    var numerators = Array(repeating: 0.0, count: BlockBootstrap.resampleCount)
    var denominators = numerators
    for (index, run) in runs.enumerated() {
      let bootstrap = BlockBootstrap(stretches: run.stretches, blockLength: lengths[index], run: index)
      let (upper, lower) = (prefixSums(run.numerators), prefixSums(run.denominators))
      for resample in numerators.indices {
        for block in bootstrap.blocks(ofResample: resample) {
          numerators[resample] +=
            (upper[block.upperBound] - upper[block.lowerBound]) / Double(run.numerators.count)
          denominators[resample] +=
            (lower[block.upperBound] - lower[block.lowerBound]) / Double(run.numerators.count)
        }
      }
    }
    return zip(numerators, denominators).map { $0 / $1 }
  }

  private static func prefixSums(_ values: [Double]) -> [Double] {
    values.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
  }

  private static func sum(_ values: [Double]) -> Double { values.reduce(0, +) }
}
