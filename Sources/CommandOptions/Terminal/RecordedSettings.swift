import Checksums
import Experiments
import FileAccess
import Foundation
import Isolation
import RunData
import RunFile
import Synchronization

/// The settings of a recorded run, so that it can be made again from its file alone: `nf-probe train --config RUN.h5`.
///
/// The file holds every setting under its option's name, the resolved block among them. Texts it holds by name and digest.
package struct RecordedSettings {
  private let path: String
  private let manifest: RunManifest
  private let hasValidation: Bool

  /// Files that this process has looked through already.
  private static let known = Mutex<[String: RecordedSettings]>([:])

  /// Reads a run file; nil where the path is no HDF5 file.
  ///
  /// - Throws: `CommandError`, where it is damaged, or of a program whose models this one does not train.
  package init?(path: String, command: String) throws {
    guard RunFileReader.isHDF5(path) else { return nil }
    guard command == "train" else {
      throw CommandError.usage("--config \(path) is a run file, whose run is made again by `nf-probe train`")
    }
    if let known = Self.known.withLock({ $0[path] }) {
      self = known
      return
    }
    // In a process of its own first, as always with files that others may have damaged.
    let outcome = try Supervisor.run(arguments: ["verify", "--quiet", "--", path], isSilent: true)
    if let message = outcome.message(reading: path) { throw CommandError.failed(message) }
    guard outcome.exitStatus == 0 else {
      throw CommandError.failed(
        "--config \(path) is damaged, or no run file; nf-probe verify \(path) says where, and its run cannot be made again"
      )
    }
    let reader = try RunFileReader(path: path)
    (self.path, manifest) = (path, reader.manifest)
    hasValidation = try !reader.validationRecords().isEmpty
    guard manifest.machine.program.hasPrefix("nf-probe"), settings["vocab-size"] != nil else {
      throw CommandError.usage(
        "--config \(path) was recorded by \(manifest.machine.program), whose training is not this program's to make again"
      )
    }
    let own = self
    Self.known.withLock { $0[path] = own }
  }

  /// The settings, as a configuration file would say them.
  package var text: ConfigText {
    ConfigText(manifest.configurationJSON, name: "\(setting: "config") \(path)")
  }

  private var settings: [String: String] { RunDifference.settings(manifest) }

  /// Whether a setting is the name or digest of a file, which ``words(beside:)`` looks for.
  package func holdsPath(_ key: String?) -> Bool {
    key.map(RunConfiguration.recordedFiles.contains) ?? false
  }

  /// Options that the settings do not say as they stand: threads, and where the texts are.
  ///
  /// - Throws: `CommandError`, where a file that the run read is missing or has changed, and the arguments name no other.
  package func words(beside arguments: [String]) throws -> [String] {
    func isGiven(_ option: String) -> Bool {
      arguments.contains { $0 == "--\(option)" || $0.hasPrefix("--\(option)=") }
    }
    // Sums of another number of threads differ in their last bits.
    var words = ["--threads=\(manifest.machine.threads)"]
    if !isGiven("corpus"), manifest.corpus.name != CorpusSettings.builtInName {
      words.append(
        "--corpus=\(try file(manifest.corpus.name, digest: manifest.corpus.sha256, option: "corpus"))")
    }
    if !isGiven("validation"), !isGiven("hold-out") {
      if let name = settings["validation"], let digest = settings[Settings.validationDigest] {
        words.append("--validation=\(try file(name, digest: digest, option: "validation"))")
      } else if hasValidation, settings["hold-out"] == nil {
        throw CommandError.usage(
          "--config \(path) is of an earlier version, which did not keep what was held out; say it with --hold-out or --validation "
            + "(a sweep holds out 0.1)")
      }
    }
    if let digest = settings["from-checkpoint"], !isGiven("from-checkpoint") {
      throw CommandError.usage(
        "--config \(path): the run began from weights with the SHA-256 \(digest.prefix(12))…; say with --from-checkpoint "
          + "where they are")
    }
    return words + (try evaluationWords(isGiven))
  }

  /// What the run was evaluated on, unless the arguments say something about it.
  private func evaluationWords(_ isGiven: (String) -> Bool) throws -> [String] {
    guard let recorded = RecordedEvaluation(settings), !isGiven("evaluate"), !isGiven("evaluate-text"),
      !isGiven("evaluate-task")
    else { return [] }
    let folder = OutputFolder.path(of: path)
    let words = (try? CommandRecord(folder: folder))?.options ?? []
    var asked: [String: String] = [:]
    for setting in words.compactMap(Setting.init(word:)) {
      if case .text(let value) = setting.value { asked[setting.name] = value }
    }
    do {
      return try recorded.settings(folders: [".", folder], asked: asked).map(\.word)
    } catch let error as ExperimentError {
      throw CommandError.usage("--config \(path): \(error.message.text { "--\($0)" })")
    }
  }

  /// Where a text is: here, beside the run file, or where the command that made the run found it.
  private func file(_ name: String, digest: String, option: String) throws -> String {
    let folder = OutputFolder.path(of: path)
    let asked = (try? CommandRecord(folder: folder))?.options.last { $0.hasPrefix("--\(option)=") }
    let places =
      [name, "\(folder)/\(name)"] + [asked.map { String($0.dropFirst(option.count + 3)) }].compactMap(\.self)
    let found = places.filter { FileManager.default.fileExists(atPath: $0) }
    guard let first = found.first else {
      throw CommandError.usage(
        "--config \(path): the run read \(name), which is neither here nor beside the run file; say with --\(option) where it is"
      )
    }
    var hashes: [String] = []
    for place in found {
      let hash = try SHA256.hexDigest(ofFiles: [place])
      if hash == digest { return place }
      hashes.append(hash)
    }
    throw CommandError.failed(
      "--config \(path): \(first) is not the text any more that the run read: its SHA-256 is \(hashes[0].prefix(12))…, and was "
        + "\(digest.prefix(12))…; give the text of then, or another on purpose, with --\(option)")
  }

  /// Says whether what is about to be made is this run.
  package func compare(with run: PlannedRun, _ console: Console) {
    let new = run.manifest
    if run.hasID(manifest.runID) {
      console.progress("makes run \(new.runID) again")
      let changes = RunDifference.changes(from: manifest.machine, to: new.machine)
      guard !changes.isEmpty else { return }
      console.warn("numbers may differ from \(path)'s in their last bits: \(changes.joined(separator: "; "))")
    } else {
      let changes = RunDifference.changes(from: manifest, to: new)
      console.warn("another run than \(path)'s: \(changes.joined(separator: "; "))")
    }
  }
}
