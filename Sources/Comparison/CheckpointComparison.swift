import Kernels

/// Two checkpoints, A and B, tensor by tensor; with others beside them that say what noise is.
public struct CheckpointComparison: Sendable {
  /// The relative difference above which a tensor counts as changed; nil where nobody asked.
  public let threshold: Double?
  let measurement: Measurement
  /// Positions of the yardstick's pairs among the measurement's, by the two seeds.
  let noisePairs: [(first: Int, second: Int)]
  let noiseCount: Int

  /// Compares two checkpoints in one pass over all files.
  ///
  /// - Parameters:
  ///   - noise: two or more checkpoints that differ in nothing but the seed; none without a yardstick.
  ///   - threshold: the relative difference above which a tensor counts as changed.
  /// - Precondition: `noise` is empty or has at least two.
  /// - Throws: ``ComparisonError`` where the two have nothing in common, and where a file cannot be read.
  public init(
    _ first: ComparisonSide, _ second: ComparisonSide, noise: [ComparisonSide] = [], threshold: Double? = nil,
    team: Team
  ) throws {
    precondition(noise.count != 1, "a yardstick takes two checkpoints")
    noisePairs = noise.indices.flatMap { one in (one + 1..<noise.count).map { (one, $0) } }
    noiseCount = noise.count
    self.threshold = threshold
    measurement = try Measurement(
      [first, second] + noise, pairs: [(0, 1)] + noisePairs.map { ($0.first + 2, $0.second + 2) }, team: team)
  }

  /// What no number says, in the order of kinds.
  public var findings: [Finding] { measurement.findings }

  /// Whether both have the same tensors with the same bits.
  public var isIdentical: Bool {
    !findings.contains { $0.kind.excludes || $0.kind == .type }
      && measurement.whole.unchangedShare(pair: 0) == 1
  }

  /// Full names of the tensors above the threshold: by relative difference, by any differing bit where elements are no
  /// floats; and those that have no numbers to compare, because what is not there cannot be below a threshold.
  public var passedThreshold: [String] {
    guard threshold != nil else { return [] }
    let excluded = findings.filter(\.kind.excludes).flatMap(\.labels).map(\.fullName)
    return measurement.tensors.filter(isAboveThreshold).map(\.label.fullName) + excluded
  }

  func isAboveThreshold(_ tensor: Measurement.Tensor) -> Bool {
    guard let threshold, let sums = tensor.sums[0] else { return false }
    guard tensor.isNumeric else { return sums.unchanged < sums.count }
    // A difference that is undefined is not below the threshold. Equal bits are, be they numbers or not.
    return sums.unchanged < sums.count && !(PairStatistics(sums).relativeDifference <= threshold)
  }
}
