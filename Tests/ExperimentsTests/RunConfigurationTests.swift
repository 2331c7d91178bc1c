import RunData
import Testing

@testable import Experiments

/// A configuration becomes a run, and comes back from what the run's file keeps.
@Suite struct RunConfigurationTests {
  private static let small: [Setting] = [
    Setting("layers", .text("2")), Setting("dim", .text("12")), Setting("heads", .text("3")),
    Setting("vocab-size", .text("32")), Setting("sequence", .text("8")), Setting("batch", .text("2")),
    Setting("steps", .text("12")), Setting("seed", .text("7")),
  ]

  private static let additions: [[Setting]] = [
    [],
    [Setting("architecture", .text("post-ln")), Setting("scale-heads", .flag(true))],
    [Setting("architecture", .text("llama")), Setting("kv-heads", .text("1"))],
    [Setting("optimizer", .text("sgd")), Setting("momentum", .text("0.5")), Setting("clip", .text("1e-3"))],
    [
      Setting("decay", .text("ramp")), Setting("until", .text("either")), Setting("precision", .text("fp16")),
    ],
    [
      Setting("hold-out", .text("0.25")), Setting("validate-every", .text("3")), Setting("noise", .text("2")),
    ],
    [Setting("per-decade", .text("4")), Setting("alerts", .text("loss > 5 for 3 steps"))],
    [
      Setting("update", .flag(false)), Setting("weights-every", .text("0")),
      Setting("activations", .flag(true)),
    ],
  ]

  private func planned(_ configuration: RunConfiguration) throws -> PlannedRun {
    let request = RunRequest(configuration, threadCount: 1)
    return try request.plan(
      configuration.architectureText.flatMap { text in
        try? configuration.architecture.map { try ArchitectureChoice(name: $0.name, text: text) }
      } ?? configuration.architecture ?? .normFormer, seed: configuration.training.seed,
      corpus: request.openCorpus())
  }

  @Test(arguments: additions.indices) func recordedRunsAreMadeAgain(_ index: Int) throws {
    let configuration = try RunConfiguration(Self.small + Self.additions[index])
    let run = try planned(configuration)
    let again = try planned(RunConfiguration(recorded: run.manifest))
    #expect(again.manifest.runID == run.manifest.runID)
    #expect(again.manifest.configurationJSON == run.manifest.configurationJSON)
    #expect(again.training == run.training)
  }

  @Test func messagesSpellSettingsAsTheyAreShown() throws {
    let error = #expect(throws: ExperimentError.self) { try RunConfiguration([Setting("lr", .text("-1"))]) }
    #expect(error?.description == "lr -1.0 is out of range")
    #expect(error?.message.text { "--\($0)" } == "--lr -1.0 is out of range")
    #expect(error?.isRefusal == true)
    #expect(error?.with(prefix: "a, b: ").message.text { "--\($0)" } == "a, b: --lr -1.0 is out of range")
  }

  @Test func plansKeepSettingsAsWords() throws {
    let paths = [Setting("corpus", .text("a.txt")), Setting("architecture", .text("b.yaml"))]
    let absolute = paths.map(SettingPaths.absolute)
    #expect(absolute.allSatisfy { $0.word.contains("=/") })
    #expect(SettingPaths.absolute(Setting("lr", .text("1"))) == Setting("lr", .text("1")))
    #expect(SettingPaths.absolute(Setting("architecture", .text("pre-ln"))).word == "--architecture=pre-ln")
  }
}
