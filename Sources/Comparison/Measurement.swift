import Analysis
import Kernels

/// The sums of pairs of checkpoints, tensor by tensor: what every report is made of.
struct Measurement: Sendable {
  /// A tensor that the first two checkpoints have in one shape.
  struct Tensor: Sendable {
    let label: TensorLabel
    let shape: [Int]
    /// Whether the elements are numbers, not only bits.
    let isNumeric: Bool
    /// Whether it is another tensor's elements once more: it is left out of sums over tensors.
    let isTiedCopy: Bool
    /// By pair; nil where one of the pair has not got it.
    let sums: [PairSums?]
    /// A gain's values; nil for other tensors.
    let gains: [GainValues?]?
  }

  let sides: [ComparisonSide]
  let pairs: [(first: Int, second: Int)]
  let tensors: [Tensor]
  let findings: [Finding]

  /// Reads all sides once.
  ///
  /// - Precondition: there are two sides or more; the first pair is theirs.
  /// - Throws: ``ComparisonError`` where the first two have nothing in common, and where a file cannot be read.
  init(_ sides: [ComparisonSide], pairs: [(first: Int, second: Int)], team: Team) throws {
    precondition(sides.count > 1 && pairs.first.map { $0 == (0, 1) } == true)
    let plan = ComparisonPlan(sides)
    let common = plan.tensors.filter { $0.sides[0] != nil && $0.sides[1] != nil }
    guard !common.isEmpty else { throw ComparisonError.nothingInCommon(sides) }
    let sums = try ComparisonPass(sides: sides, pairs: pairs, team: team).sums(of: common)
    self.sides = sides
    self.pairs = pairs
    tensors = try zip(common, sums).map { tensor, sums in
      Tensor(
        label: tensor.label, shape: tensor.shape, isNumeric: tensor.elements != .bits,
        isTiedCopy: tensor.isTiedCopy, sums: sums, gains: try Self.gains(of: tensor, sides))
    }
    let nonfinite = zip(common, sums).compactMap { tensor, sums -> Finding.Single? in
      guard let own = sums[0], own.first.nonfinite + own.second.nonfinite > 0 else { return nil }
      return Finding.Single(
        .nonfinite, tensor.label, "\(own.first.nonfinite) elements in A, \(own.second.nonfinite) in B")
    }
    findings = Finding.grouped(plan.findings + nonfinite)
  }

  private static func gains(
    of tensor: ComparisonPlan.Tensor, _ sides: [ComparisonSide]
  ) throws -> [GainValues?]? {
    guard GainName.isGain(tensor.label.operation, shape: tensor.shape), tensor.elements != .bits else {
      return nil
    }
    return try zip(sides, tensor.sides).map { side, own in
      guard let own else { return nil }
      var values = [Double](repeating: 0, count: own.elementCount)
      try side.read(own, 0..<values.count, into: &values)
      return GainValues(values)
    }
  }
}

/// Mean and range of a gain.
public struct GainValues: Equatable, Sendable {
  /// The mean; not a number without elements.
  public let mean: Double
  /// The smallest; not a number where any element is none.
  public let smallest: Double
  /// The largest; not a number where any element is none.
  public let largest: Double

  init(_ values: [Double]) {
    mean = values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
    let hasNone = mean.isNaN
    smallest = hasNone ? .nan : values.min() ?? .nan
    largest = hasNone ? .nan : values.max() ?? .nan
  }
}
