import RunData
import Testing

@testable import Analysis

/// What outputs and heads say, at the edges of the stated thresholds.
@Suite struct OutputFindingTests {
  private func output(
    _ layer: Int?, _ name: String, rms: Double, maxAbs: Double, mean: Double = 1
  ) -> OutputSummary.Output {
    OutputSummary.Output(
      place: OperationPlace(layer: layer, name: name), count: 100, l1: 100 * mean,
      sumSquares: 100 * rms * rms,
      fourthPowers: 300 * rms * rms * rms * rms, maxAbs: maxAbs)
  }

  private func findings(
    streams: [Double] = [1, 1], massive: Double = 1,
    heads: [(entropy: Double, maxLogit: Double, firstShare: Double)] = [], _ thresholds: String = "spread=10"
  ) throws -> OutputFindings {
    let outputs =
      streams.enumerated().map { output($0.offset, "input", rms: $0.element, maxAbs: 3) }
      + [output(1, "fc2", rms: 1, maxAbs: massive, mean: 0.2)]
    return OutputFindings(
      OutputSummary(
        steps: 30...39, outputs: outputs,
        heads: heads.enumerated().map {
          OutputSummary.Head(
            layer: $0.offset / 2, head: $0.offset % 2, entropy: $0.element.entropy,
            maxLogit: $0.element.maxLogit,
            firstShare: $0.element.firstShare)
        }), thresholds: try FindingThresholds(parsing: thresholds))
  }

  @Test func aQuietRunSaysNothing() throws {
    let quiet = try findings(
      streams: [1, 9.9], massive: 199, heads: [(0.11, 99, 0.89), (.nan, .nan, .nan)])
    #expect(quiet.attention.isEmpty && quiet.sinks.isEmpty && quiet.stream.isEmpty && quiet.massive.isEmpty)
    // Large against the mean, but small in itself.
    #expect(try findings(massive: 99, "massive=10").massive.isEmpty)
  }

  @Test func whatLiesBeyondIsNamed() throws {
    let found = try findings(
      streams: [1, 3, 11], massive: 201, heads: [(0.09, 10, 0.5), (2, 101, 0.91), (0.01, 300, 0.5)])
    #expect(
      found.attention == [
        "2 heads of layers 0-1: attention has collapsed (mean entropy below 0.100 nats), to 0.0100 nats in layer 1, head 0, over steps 30 to 39",
        "2 heads of layers 0-1: attention logits are large (above 100), up to 300 in layer 1, head 0, over steps 30 to 39",
      ])
    #expect(
      found.sinks == [
        "1 head of layer 0: the first token gets more than 0.900 of the attention, up to 0.910 in layer 0, head 1, over steps 30 to 39"
      ])
    #expect(
      found.stream == [
        "the residual stream grows 11.0-fold over the layers (RMS 1.00 to 11.0), over steps 30 to 39"
      ])
    #expect(
      found.massive == [
        "massive activations in 1 output, up to 201 in decoder.layers.1.fc2, whose mean |x| is 0.200, over steps 30 to 39"
      ])
  }

  @Test func thresholdsAreTheReaders() throws {
    #expect(try findings(streams: [1, 3], "stream-growth=2.5, max-logit = 7").stream.count == 1)
    #expect(try findings(heads: [(1, 8, 0)], "max-logit=7").attention.count == 1)
    for text in [
      "", "max-logit", "max-logit=", "max-logit=0", "logit=3", "spread=3,spread=4", "spread=inf", "spread=3,",
    ] {
      #expect(throws: AnalysisError.self) { try FindingThresholds(parsing: text) }
    }
  }

  @Test func statisticsAreOfTheSums() {
    let own = output(3, "fc1", rms: 2, maxAbs: 9, mean: 1.5)
    let stream = output(3, "input", rms: 4, maxAbs: 9)
    let values = OutputStatistic.allCases.map { $0.value(of: own, input: stream) }
    #expect(values == [2, 1.5, 9, 3, 6, 0.5])
    let missing = OutputSummary.Output(
      place: own.place, count: 0, l1: 0, sumSquares: 0, fourthPowers: 0, maxAbs: 0)
    #expect(OutputStatistic.allCases.allSatisfy { $0.value(of: missing, input: stream).isNaN })
  }
}
