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
  /// Rows at which each place was measured, and each layer.
  private var rowCounts: [Int]
  private var layerRowCounts: [Int]
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
    rowCounts = places.map { _ in 0 }
    layerRowCounts = Array(repeating: 0, count: layerCount)
    heads = (0..<2).map { _ in [] }
    for index in heads.indices { heads[index] = Array(repeating: 0, count: layerCount * headCount) }
    largestLogits = Array(repeating: -.infinity, count: layerCount * headCount)
  }

  /// Adds the next steps.
  /// - Precondition: the block has ``variables``.
  public mutating func add(_ block: StepBlock) {
    precondition(block.values.count == variables.count, "a block of other variables")
    for (row, step) in block.steps.enumerated() {
      var isMeasured = Array(repeating: false, count: layerCount)
      var first = 0
      for range in [0..<layerPlaceCount, layerPlaceCount..<places.count] where !range.isEmpty {
        for place in addPlaces(block.values[first...], row, range) {
          if place < layerPlaceCount { isMeasured[place / (layerPlaceCount / layerCount)] = true }
          steps = (steps?.lowerBound ?? step)...step
        }
        first += Self.summed.count + 1
      }
      if headCount > 0 { addHeads(block.values[first...], row, layers: isMeasured) }
    }
  }

  /// Adds a row of some places. What was not measured at a step has no elements, and sums that are not a number.
  /// - Returns: the places that were measured.
  private mutating func addPlaces(_ values: ArraySlice<[Double]>, _ row: Int, _ range: Range<Int>) -> [Int] {
    let first = values.startIndex
    return range.enumerated().compactMap { offset, place in
      let cell = row * range.count + offset
      guard values[first][cell] > 0 else { return nil }
      for index in sums.indices { sums[index][place] += values[first + index][cell] }
      maxima[place] = Self.larger(maxima[place], values[first + sums.count][cell])
      rowCounts[place] += 1
      return place
    }
  }

  private mutating func addHeads(_ values: ArraySlice<[Double]>, _ row: Int, layers isMeasured: [Bool]) {
    let first = values.startIndex
    for layer in isMeasured.indices where isMeasured[layer] {
      layerRowCounts[layer] += 1
      for head in layer * headCount..<(layer + 1) * headCount {
        let cell = row * layerCount * headCount + head
        for index in heads.indices { heads[index][head] += values[first + index][cell] }
        largestLogits[head] = Self.larger(largestLogits[head], values[first + heads.count][cell])
      }
    }
  }

  /// The larger one; not a number where one is none, which `Swift.max` would drop on one side.
  private static func larger(_ one: Double, _ other: Double) -> Double {
    one.isNaN || other.isNaN ? .nan : max(one, other)
  }

  /// The summary of all steps that were added and measured; nil where there was none.
  public var summary: OutputSummary? {
    guard let steps else { return nil }
    return OutputSummary(
      steps: steps,
      outputs: places.indices.map { place in
        // The sums of what was never measured are 0.
        let count = Double(max(1, rowCounts[place]))
        return OutputSummary.Output(
          place: places[place], count: sums[0][place] / count, l1: sums[1][place] / count,
          sumSquares: sums[2][place] / count, fourthPowers: sums[3][place] / count, maxAbs: maxima[place])
      },
      heads: largestLogits.indices.map { index in
        let rows = layerRowCounts[index / headCount]
        return OutputSummary.Head(
          layer: index / headCount, head: index % headCount, entropy: heads[0][index] / Double(rows),
          maxLogit: rows > 0 ? largestLogits[index] : .nan, firstShare: heads[1][index] / Double(rows))
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
