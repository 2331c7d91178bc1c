import Analysis
import Architecture
import ArgumentParser
import Checkpoints
import CommandOptions
import CommandSupport
import Comparison
import Corpus
import Evaluation
import Experiments
import FileAccess
import Foundation
import Glibc
import RunFile
import RunReading
import Transformer

/// The program.
public struct NFProbe: ParsableCommand {
  /// Name, version and commands.
  public static let configuration = CommandConfiguration(
    commandName: "nf-probe",
    abstract: "Gradients of transformers, layer by layer.",
    discussion: """
      Trains Post-LN, Pre-LN and NormFormer language models with every gradient recorded, and shows where gradients are \
      large and where they are small.

      Start with:
        nf-probe grads
      """,
    version: "nf-probe \(ProgramVersion.text)",
    subcommands: [
      GradsCommand.self, TrainCommand.self, SweepCommand.self, StabilityCommand.self, RecipeCommand.self,
      InitCommand.self, ArchitecturesCommand.self, ScalesCommand.self, ActivationsCommand.self,
      RatioCommand.self, CompareCommand.self,
      EvaluateCommand.self, FinetuneCommand.self, ReportCommand.self, WatchCommand.self,
      InfoCommand.self, ExportCommand.self, VerifyCommand.self, RecoverCommand.self, PackCommand.self,
      BenchCommand.self,
    ])

  /// Creates the command; the parser does.
  public init() {}

  /// Runs the program and returns its exit status: 0 done, 1 failed, 2 bad usage, others as the commands say.
  public static func run(arguments: [String]) -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    var configuration = ConfigFile.Expansion(arguments: arguments)
    do {
      try ProcessorChoice.apply()
      try CommandWord.check(
        arguments, among: Self.configuration.subcommands.compactMap { $0.configuration.commandName })
      configuration = try expanded(arguments)
      var command = try parseAsRoot(CommandRecord.expanded(configuration.arguments))
      try command.run()
      return 0
    } catch {
      return report(error, configuration)
    }
  }

  /// The arguments with a configuration file's options in place.
  private static func expanded(_ arguments: [String]) throws -> ConfigFile.Expansion {
    try ConfigFile.expanded(arguments, options: options(ofCommand:))
  }

  /// What to keep of this call, so that its runs can be resumed.
  ///
  /// - Parameter fixed: options that the call left to the machine and that its runs depend on.
  static func record(fixed: [String]) throws -> CommandRecord {
    let arguments = try expanded(Array(CommandLine.arguments.dropFirst())).arguments
    let known = arguments.first.flatMap(options(ofCommand:)) ?? []
    return CommandRecord(arguments: arguments, known: known, fixed: fixed)
  }

  private static func report(_ error: any Error, _ configuration: ConfigFile.Expansion) -> Int32 {
    func complainOfUsage(_ message: String) -> Int32 {
      complain(configuration.located(message) ?? message, status: 2)
    }
    switch error {
    case let error as ExitCode: return error.rawValue
    case let error as CommandError:
      return error.exitStatus == 2
        ? complainOfUsage(error.description) : complain(error.description, status: error.exitStatus)
    case let error as ExperimentError:
      return error.isRefusal ? complainOfUsage(error.text) : complain(error.text, status: 1)
    case let error as RunReadingError:
      switch error {
      case .failed(let message): return complain(message, status: 1)
      case .ended(let status): return status
      case .operation(let reason): return complainOfUsage("--operation: \(reason)")
      }
    case let error as ModelConfigurationError: return complainOfUsage("--\(error)")
    case is CorpusError, is AnalysisError, is RunFileError, is CheckpointError, is FileAccessError,
      is ComparisonError, is EvaluationError:
      return complain("\(error)", status: 1)
    default:
      let code = exitCode(for: error)
      if code.isSuccess {
        Console(isQuiet: false).print(fullMessage(for: error))
        return 0
      }
      // Usage errors name the option and the way to the help.
      let message = withChoicesInLine(String(fullMessage(for: error).trimmingPrefix("Error: ")))
      return code == .validationFailure ? complainOfUsage(message) : complain(message, status: 1)
    }
  }

  /// The parser's list of an option's values, a line each, in one line.
  private static func withChoicesInLine(_ message: String) -> String {
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    let bullet = "  - "
    guard let first = lines.firstIndex(where: { $0.hasPrefix(bullet) }), first > 0 else { return message }
    let choices = lines[first...].prefix { $0.hasPrefix(bullet) }
    let sentence = lines[first - 1] + " " + choices.map { $0.dropFirst(bullet.count) }.joined(separator: ", ")
    return (lines[..<(first - 1)] + [Substring(sentence)] + lines[choices.endIndex...]).joined(
      separator: "\n")
  }

  private static func complain(_ message: some StringProtocol, status: Int32) -> Int32 {
    Console(isQuiet: false).draw("nf-probe: \(message)\n")
    return status
  }

  /// A command's long options, from the parser's own description of it; nil where there is no such command.
  ///
  /// To describe all commands takes as long as the rest of a program's start: only the one in question is.
  static func options(ofCommand name: String) -> [SettingInfo]? {
    guard let command = configuration.subcommands.first(where: { $0.configuration.commandName == name })
    else { return nil }
    let description = Data(command._dumpHelp().utf8)
    return try? JSONDecoder().decode(CommandDescription.self, from: description).options
  }
}
