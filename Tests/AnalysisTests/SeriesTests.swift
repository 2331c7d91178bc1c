import RunData
import Testing

@testable import Analysis

@Suite struct SeriesTests {
  private func stretches(_ steps: [Int], segments: [Int]? = nil) -> [Range<Int>] {
    LayerSeries.stretches(steps: steps, segments: segments ?? steps.map { _ in 0 })
  }

  @Test func regularAndLogarithmicSchedulesHaveNoGap() {
    #expect(stretches([]) == [])
    #expect(stretches([4]) == [0..<1])
    #expect(stretches([0, 1, 2, 3]) == [0..<4])
    #expect(stretches([0, 10, 20, 30]) == [0..<4])
    #expect(stretches([1, 2, 4, 8, 16]) == [0..<5])
    #expect(stretches([1, 2, 5, 10, 20, 50, 100]) == [0..<7])
  }

  @Test func missingStepsAreGaps() {
    #expect(stretches([0, 1, 2, 9, 10]) == [0..<3, 3..<5])
    #expect(stretches([0, 1, 3, 4]) == [0..<2, 2..<4])
    #expect(stretches([0, 10, 20, 60]) == [0..<3, 3..<4])
    #expect(stretches([0, 50, 51, 52]) == [0..<1, 1..<4])
  }

  @Test func aResumedRunIsJoinedOnlyWithoutALoss() {
    #expect(stretches([0, 1, 2, 3], segments: [0, 0, 1, 1]) == [0..<4])
    #expect(stretches([0, 1, 2, 4, 5], segments: [0, 0, 0, 1, 1]) == [0..<3, 3..<5])
  }

  @Test func liveSeriesEqualsTheRecordedOne() throws {
    let run = SyntheticRuns.figure3("pre-ln", seed: 1, stepCount: 5)
    let recorded = try #require(
      LayerSeries(run: run, operation: SyntheticRuns.operation, statistic: .l2))
    var live = try #require(
      LayerSeries(manifest: run.manifest, operation: SyntheticRuns.operation, statistic: .l2))
    #expect(live.latest.isEmpty)
    let series = try #require(run.gradients[SyntheticRuns.operation])
    for step in 0..<5 {
      var gradients = SumColumns(count: 12)
      gradients.l1 = series.l1.map { $0[step] }
      gradients.sumSquares = series.sumSquares.map { $0[step] }
      live.append(
        StepRecord(
          step: step, loss: 1, learningRate: 1, gradientL2: 1, clipCoefficient: 1, tokens: 1, seconds: 1,
          gradients: gradients, stemGradients: SumColumns(count: 0)), segment: 0,
        layout: run.manifest.gradients)
    }
    #expect(live == recorded)
    #expect(live.latest == recorded.values.map { $0[4] })
    let last = recorded.values[3][3...]
    #expect(isClose(live.recentMeans(recordCount: 2)[3], (last[3] + last[4]) / 2, relative: 1e-15))
    #expect(live.recentMeans(recordCount: 99).count == 12)
    #expect(LayerSeries(run: run, operation: "fc9", statistic: .l1) == nil)
  }

  @Test func windowsParse() throws {
    #expect(try StepWindow(parsing: "300:600") == StepWindow(lower: 300, upper: 600))
    #expect(try StepWindow(parsing: ":5") == StepWindow(lower: 0, upper: 5))
    #expect(try StepWindow(parsing: "5:") == StepWindow(lower: 5, upper: nil))
    #expect(StepWindow(lower: 5, upper: nil).description == "5:")
    for text in ["", "5", "5:5", "9:3", "-1:4", "a:b", "1:2:3"] {
      #expect(throws: AnalysisError.badWindow(text)) { try StepWindow(parsing: text) }
    }
  }

  @Test func theDefaultWindowIsTheSecondHalfOfWhatAllHaveReached() {
    #expect(StepWindow.defaultWindow(for: [Array(0..<600)]) == StepWindow(lower: 300, upper: 600))
    #expect(
      StepWindow.defaultWindow(for: [Array(0..<600), Array(0..<400)]) == StepWindow(lower: 200, upper: 400))
    #expect(StepWindow.defaultWindow(for: [[7]]) == StepWindow(lower: 7, upper: 8))
  }

  @Test func layersShownArePaperLayersOnce() throws {
    #expect(try LayerSelection.paper.layers(of: 12) == [0, 1, 6, 10, 11])
    #expect(try LayerSelection.paper.layers(of: 4) == [0, 1, 2, 3])
    #expect(try LayerSelection.paper.layers(of: 2) == [0, 1])
    #expect(try LayerSelection.paper.layers(of: 1) == [0])
    #expect(try LayerSelection(parsing: "0,-1,0").layers(of: 6) == [0, 5])
    #expect(try LayerSelection(parsing: "all").layers(of: 3) == [0, 1, 2])
    #expect(throws: AnalysisError.badLayers("6", layerCount: 6)) {
      try LayerSelection(parsing: "6").layers(of: 6)
    }
    #expect(throws: AnalysisError.badLayers("0,,1", layerCount: nil)) { try LayerSelection(parsing: "0,,1") }
  }
}
