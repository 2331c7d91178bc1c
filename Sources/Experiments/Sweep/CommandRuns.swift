import Foundation
import Isolation
import RunData
import RunFile
import Text

/// Makes the runs of a sweep whose cells are commands, which write run files with the recorder: trainings in PyTorch, on whatever machine.
final class CommandRuns {
  private let host: any RunHost
  /// What became of runs that are not there afterwards, in words.
  private(set) var failures: [String] = []

  init(host: any RunHost) { self.host = host }

  /// Runs a command unless its run is there already; false where somebody stopped it.
  ///
  /// A command that fails, or that does not write the run it was asked for, is told of and noted in ``failures``; others go on.
  func make(_ command: String, label: String, seed: UInt64, path: String) throws -> Bool {
    if state(of: path, seed: seed) == .made { return true }
    let log = path.replacing(/\.h5$/, with: "") + ".log"
    host.attend()
    let end: ShellCommand.End
    do { end = try ShellCommand.run(command, log: log, shouldStop: { host.shouldStop }) } catch {
      throw ExperimentError.failed("\(label), seed \(seed): \(error)")
    }
    if end == .stopped { return false }
    if let problem = problem(end, path: path, seed: seed) {
      let told = "\(label), seed \(seed): \(problem)"
      failures.append(told)
      host.warn("\(told); what it said is in \(log)")
    }
    return true
  }

  private func problem(_ end: ShellCommand.End, path: String, seed: UInt64) -> String? {
    switch end {
    case .signal(let signal): return "the command was ended by signal \(signal)"
    case .exit(let status) where status != 0: return "the command ended with status \(status)"
    case .exit, .stopped: break
    }
    switch state(of: path, seed: seed) {
    case .made: return nil
    case .missing: return "the command ended well, but wrote no run file at \(path)"
    case .unfinished: return "the command ended well, but its run is not finished: close the recorder"
    case .foreign(let what): return "\(path) \(what)"
    }
  }

  private enum State: Equatable {
    case made, missing, unfinished
    case foreign(String)
  }

  private func state(of path: String, seed: UInt64) -> State {
    guard FileManager.default.fileExists(atPath: path) else { return .missing }
    do {
      let reader = try RunFileReader(path: path)
      guard reader.manifest.seed == seed else {
        return .foreign(
          "holds a run of seed \(reader.manifest.seed), not \(seed): the command has to give the recorder its seed"
        )
      }
      return reader.status.value.isEnd ? .made : .unfinished
    } catch { return .foreign("cannot be read as a run file (\(error))") }
  }
}
