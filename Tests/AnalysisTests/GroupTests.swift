import Documents
import RunData
import Testing

@testable import Analysis

@Suite struct GroupTests {
  @Test func seedsOfOneArchitectureAreOneGroup() throws {
    let groups = try RunGroup.groups(of: SyntheticRuns.figure3(seeds: [3, 1, 2], stepCount: 4))
    #expect(groups.map(\.label) == ["Post-LN", "Pre-LN", "NormFormer"])
    #expect(groups[0].runs.map(\.manifest.seed) == [1, 2, 3])
    let others = ["mine", "normformer-no-c_attn", "normformer", "pre-ln"].map {
      SyntheticRuns.run(values: [[1], [2]], architecture: $0)
    }
    let labels = try RunGroup.groups(of: others).map(\.label)
    #expect(labels == ["Pre-LN", "NormFormer (no c_attn)", "NormFormer", "mine"])
  }

  @Test func otherSettingsMakeOtherGroupsThatNameThem() throws {
    let groups = try RunGroup.groups(of: [
      SyntheticRuns.run(values: [[1], [2]], configuration: #"{"optimizer": {"lr": 0.001}, "seed": 1}"#),
      SyntheticRuns.run(values: [[1], [2]], configuration: #"{"optimizer": {"lr": 0.002}, "seed": 2}"#),
      SyntheticRuns.run(
        values: [[1], [2]], seed: 2, configuration: #"{"seed": 2, "optimizer": {"lr": 1e-3}}"#),
    ])
    #expect(groups.map(\.label) == ["Pre-LN, optimizer.lr 0.001", "Pre-LN, optimizer.lr 0.002"])
    #expect(groups.map(\.runs.count) == [2, 1])
  }

  @Test func groupsThatOnlyTheirTensorsTellApartAreNamedApart() throws {
    var deep = SyntheticRuns.run(values: [[1], [2], [3]])
    deep.manifest.runID = "deep"
    let shallow = SyntheticRuns.run(values: [[1], [2]])
    #expect(
      try RunGroup.groups(of: [shallow, deep]).map(\.label) == ["Pre-LN, 2 layers", "Pre-LN, 3 layers"])
    var other = SyntheticRuns.run(values: [[1], [2]], elementCounts: [8, 8])
    other.manifest.runID = "other"
    let labels = try RunGroup.groups(of: [shallow, other]).map(\.label)
    #expect(labels == ["Pre-LN, run \(shallow.manifest.runID)", "Pre-LN, run other"])
  }

  @Test func mixedContractsAreRefusedUnlessAskedFor() throws {
    var summed = NumberContract.ours(objective: "causal")
    summed.reduction = "sum"
    let runs = [
      SyntheticRuns.run(values: [[1], [2]]),
      SyntheticRuns.run(values: [[1], [2]], architecture: "post-ln", seed: 4, contract: summed),
    ]
    let error = #expect(throws: AnalysisError.self) { try RunGroup.groups(of: runs) }
    #expect(
      error
        == .mixedContracts(
          first: "Pre-LN, seed 1", second: "Post-LN, seed 4", differences: ["reduction: mean / sum"]))
    #expect(error?.description.contains("reduction: mean / sum") == true)
    #expect(try RunGroup.groups(of: runs, allowsMixedContracts: true).count == 2)
    let report = try MismatchReport(runs: runs, allowsMixedContracts: true)
    #expect(report.table.notes.contains { $0.contains("different number contracts") })
  }

  @Test func unknownLabelsCannotBeComparedInSilence() {
    var unknown = NumberContract.ours(objective: "causal")
    unknown.scope = NumberContract.unknown
    let runs = [1, 2].map { SyntheticRuns.run(values: [[1], [2]], seed: $0, contract: unknown) }
    #expect(throws: AnalysisError.self) { try RunGroup.groups(of: runs) }
    #expect(throws: Never.self) { try RunGroup.groups(of: [runs[0]]) }
  }

  @Test func anUnknownEntropyKeepsRunsTogetherAndMarksNothing() throws {
    var corpus = SyntheticRuns.corpus
    corpus.unigramEntropy = .nan
    corpus.entropyRate = nil
    let runs = [1, 2].flatMap { seed in
      ["pre-ln", "post-ln"].map {
        SyntheticRuns.run(
          values: [[1], [2]], architecture: $0, seed: seed, loss: [99], corpus: corpus)
      }
    }
    let report = try MismatchReport(runs: runs)
    #expect(report.entries.map(\.group.runs.count) == [2, 2])
    #expect(report.entries.allSatisfy { $0.loss.mark == nil })
    #expect(report.table.notes.filter { $0.contains("built-in language: unknown") }.count == 1)
    #expect(report.table.rendered(as: .csv).contains(",99,,,"))
  }

  @Test func noRunAndTheSameRunTwiceAreRefused() {
    let run = SyntheticRuns.run(values: [[1], [2]])
    #expect(throws: AnalysisError.noRuns) { try RunGroup.groups(of: []) }
    #expect(throws: AnalysisError.duplicateRun(id: run.manifest.runID, label: "Pre-LN, seed 1")) {
      try RunGroup.groups(of: [run, run])
    }
  }

  @Test func architecturesHaveTheFieldsSpelling() {
    #expect(architectureTitle("post-ln") == "Post-LN")
    #expect(architectureTitle("normformer-no-c_attn") == "NormFormer (no c_attn)")
    #expect(architectureTitle("pre-ln-swiglu") == "Pre-LN (swiglu)")
    #expect(architectureTitle("my-own") == "my-own")
  }

  @Test func aLossAboveTheUnigramEntropyIsMarked() throws {
    func group(_ losses: [Double]...) throws -> LossReading {
      let runs = losses.enumerated().map {
        SyntheticRuns.run(values: [$1, $1], seed: UInt64($0), loss: $1)
      }
      return LossReading(of: RunGroup(label: "x", runs: runs), window: StepWindow(lower: 0, upper: nil))
    }
    let learning = Array(repeating: 9.0, count: 190) + Array(repeating: 3.0, count: 20)
    let stuck = Array(repeating: 5.11, count: 210)
    #expect(try group(learning).mark == nil)
    // The last tenth of 210 records: 21, one of them from before.
    #expect(try isClose(group(learning).loss, (9 + 20 * 3) / 21.0, relative: 1e-14))
    #expect(try group(stuck).mark == "not learning yet")
    #expect(try group(learning, stuck).mark == "not learning yet (1 of 2)")
    #expect(try group(Array(repeating: .nan, count: 210)).mark == "not learning yet")
    // Floors are in nats.
    var inBits = SyntheticRuns.run(values: [stuck, stuck], loss: stuck)
    inBits.manifest.contract.unit = "bits"
    let bits = LossReading(of: RunGroup(label: "x", runs: [inBits]), window: StepWindow(lower: 0, upper: nil))
    #expect(
      bits.mark == nil && bits.unigramEntropy.isNaN && inBits.manifest.contract.lossUnit == "bits/token")
    let run = SyntheticRuns.run(values: [[1], [2]])
    let empty = LossReading(
      of: RunGroup(label: "x", runs: [run]), window: StepWindow(lower: 7, upper: nil))
    #expect(empty.mark == nil && empty.loss.isNaN)
  }
}
