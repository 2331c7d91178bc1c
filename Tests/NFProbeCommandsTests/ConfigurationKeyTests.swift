import ArgumentParser
import Experiments
import Testing

@testable import CommandOptions
@testable import NFProbeCommands

/// The settings of runs and the options of `train` are one list: what a sweep's file says means what a command line says.
@Suite struct ConfigurationKeyTests {
  /// What a command line of `train` becomes.
  private func configuration(_ words: [String]) throws -> RunConfiguration {
    let command = try TrainCommand.parse(words)
    var configuration = command.options.configuration
    configuration.architecture = command.architecture
    configuration.architectureText = command.architectureText
    configuration.updatesParameters = command.update
    configuration.fromCheckpoint = command.checkpoints.fromCheckpoint
    configuration.names = command.checkpoints.names
    return configuration
  }

  @Test func optionsAreTheSettings() {
    let others: Set<String> = [
      "out", "overwrite", "quiet", "resume", "config", "threads", "checkpoint-every", "keep", "help",
      "version",
    ]
    let train = NFProbe.options(ofCommand: "train") ?? []
    #expect(RunConfiguration.keys.map(\.info) == train.filter { !others.contains($0.name) })
  }

  @Test func defaultsAreTheSame() throws {
    #expect(try configuration([]) == RunConfiguration())
    #expect(try InitCommand.parse([]).settings == StartConfiguration())
  }

  @Test func optionsOfInitAreItsSettings() throws {
    let others: Set<String> = [
      "out", "overwrite", "quiet", "threads", "svg", "figure", "table", "format", "help", "version",
    ]
    let start = NFProbe.options(ofCommand: "init") ?? []
    #expect(StartConfiguration.keys.map(\.info) == start.filter { !others.contains($0.name) })
    for words in [
      ["--architectures=pre-ln, post-ln"], ["--depths=3,2"], ["--depths=3,x"], ["--seeds=0"], ["--layers=3"],
      ["--seed=5", "--batches=2", "--sequence=3", "--batch=4", "--dim=8", "--hold-out=2"], ["--depths=3,3"],
    ] {
      let own = Result { try StartConfiguration(words.compactMap { Setting(word: $0) }) }
      let parsed = Result { try InitCommand.parse(words).settings }
      switch (own, parsed) {
      case (.success(let own), .success(let parsed)): #expect(own == parsed)
      case (.failure(let own as ExperimentError), .failure(let parsed)):
        #expect(own.text == InitCommand.message(for: parsed))
      default: Issue.record("\(words): \(own) is not \(parsed)")
      }
    }
  }

  /// Good and bad values of every setting, and what is said of the bad ones.
  @Test(arguments: RunConfiguration.keys.map(\.info))
  func valuesMeanTheSame(_ key: SettingInfo) throws {
    let texts = [
      "2", "-1", "0", "0.25", "3e-4", "nan", "", "pre-ln", "x/y.yaml", ".yaml", "125M", "loss > 5",
    ]
    let choices = RunConfiguration.keys.first { $0.name == key.name }?.choices ?? []
    let values: [Setting.Value] =
      key.isFlag
      ? [.flag(true)] + (key.isInvertible ? [.flag(false)] : []) : (texts + choices).map { .text($0) }
    for value in values {
      let setting = Setting(key.name, value)
      let own = Result { try RunConfiguration([setting]) }
      let parsed = Result { try configuration([setting.word]) }
      switch (own, parsed) {
      case (.success(let own), .success(let parsed)):
        // What is not a number differs from itself.
        #expect(own == parsed || setting.word.hasSuffix("=nan"), "\(setting.word)")
      case (.failure(let own as ExperimentError), .failure(let parsed)):
        #expect(own.text == TrainCommand.message(for: parsed), "\(setting.word)")
      default: Issue.record("\(setting.word): \(own) is not \(parsed)")
      }
    }
  }

  @Test func laterSettingsWinAndContradictionsAreRefused() throws {
    let twice = try RunConfiguration([Setting("lr", .text("1")), Setting("lr", .text("2"))])
    #expect(twice.schedule.lr == 2)
    let error = #expect(throws: ExperimentError.self) {
      try RunConfiguration([Setting("validation", .text("a")), Setting("hold-out", .text("0.1"))])
    }
    #expect(error?.text == "--validation and --hold-out exclude each other")
    #expect(error?.description == "validation and hold-out exclude each other")
    #expect(throws: ExperimentError.self) { try RunConfiguration([Setting("lrr", .text("1"))]) }
  }

  @Test func settingsAreReadBackFromTheirWords() {
    for word in ["--lr=0.1", "--corpus=a=b", "--activations", "--no-scale-fc", "--alerts=loss > 5"] {
      #expect(Setting(word: word)?.word == word)
    }
    #expect(Setting(word: "lr") == nil)
  }
}
