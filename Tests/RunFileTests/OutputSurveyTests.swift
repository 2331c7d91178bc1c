import RunData
import RunFileTestSupport
import Testing

@testable import RunFile

@Suite struct OutputSurveyTests {
  /// Two layers of two operations, one after them, two heads.
  private let manifest: RunManifest = {
    var manifest = SampleRun(layers: 2, operations: 2, stemOperations: 1).manifest
    manifest.hasOutputMoments = true
    return manifest
  }()

  /// One step's values; an operation without elements was not measured.
  private func row(_ counts: [Double], stem: Double, heads: [Double]) -> [[Double]] {
    func sums(_ counts: [Double]) -> [[Double]] {
      let values = counts.map { $0 > 0 ? $0 : .nan }
      return [counts, values, values.map { 2 * $0 }, values.map { 3 * $0 }, values.map { 4 * $0 }]
    }
    return sums(counts) + sums([stem]) + [heads, heads.map { $0 / 10 }, heads.map { 5 * $0 }]
  }

  private func block(_ rows: [[[Double]]]) -> StepBlock {
    StepBlock(
      steps: Array(rows.indices), values: rows[0].indices.map { variable in rows.flatMap { $0[variable] } })
  }

  @Test func stepsThatAreNotMeasuredAreLeftOut() throws {
    let nothing = row([0, 0, 0, 0], stem: 0, heads: [.nan, .nan, .nan, .nan])
    var survey = try #require(OutputSurvey(manifest))
    survey.add(
      block([
        nothing, row([4, 8, 4, 0], stem: 6, heads: [1, 2, 3, .nan]), nothing,
        // The second layer is skipped.
        row([8, 8, 0, 0], stem: 2, heads: [3, 4, .nan, .nan]), nothing,
      ]))
    let summary = try #require(survey.summary)
    #expect(summary.steps == 1...3)
    #expect(summary.outputs.map(\.count) == [6, 8, 4, 0, 4])
    #expect(summary.outputs.map(\.l1) == [6, 8, 4, 0, 4])
    #expect(summary.outputs.map(\.sumSquares) == [12, 16, 8, 0, 8])
    #expect(summary.outputs.map(\.fourthPowers) == [18, 24, 12, 0, 12])
    #expect(summary.outputs.map(\.maxAbs) == [32, 32, 16, 0, 24])
    #expect(summary.heads.prefix(3).map(\.entropy) == [2, 3, 3])
    #expect(summary.heads.prefix(3).map(\.maxLogit) == [15, 20, 15])
    #expect(summary.heads[3].entropy.isNaN && summary.heads[3].maxLogit.isNaN)
  }

  @Test func withoutAMeasuredStepThereIsNothing() throws {
    var survey = try #require(OutputSurvey(manifest))
    survey.add(block([row([0, 0, 0, 0], stem: 0, heads: [.nan, .nan, .nan, .nan])]))
    #expect(survey.summary == nil)
  }

  @Test func whatIsNotANumberIsTold() throws {
    var survey = try #require(OutputSurvey(manifest))
    var bad = row([4, 8, 4, 2], stem: 6, heads: [1, 2, 3, 4])
    bad[1][0] = .nan
    bad[4][0] = .nan
    survey.add(block([row([4, 8, 4, 2], stem: 6, heads: [1, 2, 3, 4]), bad]))
    let output = try #require(survey.summary).outputs[0]
    #expect(output.l1.isNaN && output.maxAbs.isNaN && output.count == 4)
  }
}
