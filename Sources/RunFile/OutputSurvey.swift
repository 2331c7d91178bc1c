import RunData

/// Goes through some of a run's steps and finds how large operations' outputs are there, and what heads of attention do.
public struct OutputSurvey {
  /// The variables by step that it looks at, in this order.
  public let variables: [String]

  private let places: [OperationPlace]
  private let layerPlaceCount: Int
  private let layerCount: Int
  private let headCount: Int
  private var sums: [[Double]]
  private var maxima: [Double]
  private var heads: [[Double]]
  private var largestLogits: [Double]
  private var recordCount = 0
  private var steps: ClosedRange<Int>?

  private static let summed = ["count", "l1", "sum_squares", "sum_fourth_powers"]

  /// Looks at no step yet; nil where a run has not recorded how large outputs are.
  public init?(_ manifest: RunManifest) {
    guard manifest.hasOutputMoments else { return nil }
    places = manifest.operationPlaces
    layerCount = manifest.gradients.layerCount
    layerPlaceCount = layerCount * manifest.operationNames.count
    headCount = manifest.headCount
    let prefixes = ["activation"] + (manifest.stemOperationNames.isEmpty ? [] : ["stem_activation"])
    variables =
      prefixes.flatMap { prefix in (Self.summed + ["max_abs"]).map { "\(prefix)_\($0)" } }
      + (headCount > 0
        ? [RunSchema.attentionEntropy, RunSchema.attentionFirstShare, RunSchema.attentionMaxLogit] : [])
    sums = Self.summed.map { _ in [] }
    for index in sums.indices { sums[index] = places.map { _ in 0 } }
    maxima = places.map { _ in 0 }
    heads = (0..<2).map { _ in [] }
    for index in heads.indices { heads[index] = Array(repeating: 0, count: layerCount * headCount) }
    largestLogits = Array(repeating: -.infinity, count: layerCount * headCount)
  }

  /// Adds the next steps.
  /// - Precondition: the block has ``variables``.
  public mutating func add(_ block: StepBlock) {
    precondition(block.values.count == variables.count, "a block of other variables")
    for (row, step) in block.steps.enumerated() {
      var variable = 0
      for range in [0..<layerPlaceCount, layerPlaceCount..<places.count] where !range.isEmpty {
        for index in sums.indices {
          add(block.values[variable], row, to: &sums[index], at: range)
          variable += 1
        }
        raise(&maxima, at: range, to: block.values[variable], row)
        variable += 1
      }
      if headCount > 0 {
        for index in heads.indices {
          add(block.values[variable], row, to: &heads[index], at: heads[index].indices)
          variable += 1
        }
        raise(&largestLogits, at: largestLogits.indices, to: block.values[variable], row)
      }
      recordCount += 1
      steps = (steps?.lowerBound ?? step)...step
    }
  }

  private func add(_ values: [Double], _ row: Int, to sums: inout [Double], at range: Range<Int>) {
    for (offset, index) in range.enumerated() { sums[index] += values[row * range.count + offset] }
  }

  private func raise(_ maxima: inout [Double], at range: Range<Int>, to values: [Double], _ row: Int) {
    for (offset, index) in range.enumerated() {
      let value = values[row * range.count + offset]
      // `Swift.max` would drop a NaN on one side.
      maxima[index] = maxima[index].isNaN || value.isNaN ? .nan : max(maxima[index], value)
    }
  }

  /// The summary of all steps that were added; nil where there was none.
  public var summary: OutputSummary? {
    guard let steps else { return nil }
    let count = Double(recordCount)
    return OutputSummary(
      steps: steps,
      outputs: places.indices.map { place in
        OutputSummary.Output(
          place: places[place], count: sums[0][place] / count, l1: sums[1][place] / count,
          sumSquares: sums[2][place] / count, fourthPowers: sums[3][place] / count, maxAbs: maxima[place])
      },
      heads: largestLogits.indices.map { index in
        OutputSummary.Head(
          layer: index / headCount, head: index % headCount, entropy: heads[0][index] / count,
          maxLogit: largestLogits[index], firstShare: heads[1][index] / count)
      })
  }
}

extension RunFileReader {
  /// How large operations' outputs are over some steps, and what heads of attention do; nil where that is not recorded, or no step is meant.
  /// Damaged rows are left out, and noted in ``damagedRows``.
  ///
  /// - Throws: ``RunFileError``.
  public func outputSummary(in window: Range<Int>?) throws -> OutputSummary? {
    guard var survey = OutputSurvey(manifest), let window else { return nil }
    try forEachBlock(of: survey.variables, window: window) { survey.add($0) }
    return survey.summary
  }
}
