import Checksums
import Foundation

/// What a recorded run was evaluated on, as its file says: names, and one digest of all files.
package struct RecordedEvaluation {
  private let evaluation: EvaluationSettings
  private let digest: String?

  /// Nil where the run was not evaluated.
  ///
  /// - Parameter settings: the run's settings as texts.
  package init?(_ settings: [String: String]) {
    guard settings["evaluate"] != nil, let evaluation = try? Self.evaluation(settings) else { return nil }
    (self.evaluation, digest) = (evaluation, settings[Settings.evaluationDigest])
  }

  private static func evaluation(_ settings: [String: String]) throws -> EvaluationSettings {
    let given = EvaluationSettings.keys.compactMap { key in
      settings[key.name].map { Setting(key.name, .text($0)) }
    }
    return try EvaluationSettings(given: given)
  }

  /// The settings that evaluate a new run on the same files.
  ///
  /// - Parameters:
  ///   - folders: where the files may lie; the first in which all of them are as they were is taken.
  ///   - asked: the settings that the run was asked for with, where they are known, with their paths.
  /// - Throws: ``ExperimentError``, where the files are not there, or not the same any more.
  package func settings(folders: [String], asked: [String: String]) throws -> [Setting] {
    guard let digest else { return evaluation.settings }
    let candidates = folders.map(evaluation.within) + [try? Self.evaluation(asked)].compactMap(\.self)
    let found = candidates.filter { candidate in
      candidate.paths.allSatisfy { FileManager.default.fileExists(atPath: $0) }
    }
    if let same = try found.first(where: { try SHA256.hexDigest(ofFiles: $0.paths) == digest }) {
      return same.settings
    }
    let names = evaluation.paths.joined(separator: ", ")
    throw ExperimentError.refused(
      found.isEmpty
        ? "the run was evaluated on \(names), which is neither here nor beside the run file; say where with \(setting: "evaluate-text") or \(setting: "evaluate-task")"
        : "the run was evaluated on \(names), which is not the same any more; give the files of then, or others on purpose, with \(setting: "evaluate-text") or \(setting: "evaluate-task")"
    )
  }
}

extension EvaluationSettings: Configurable {}

extension EvaluationSettings {
  /// All files, in the order that their digest has.
  var paths: [String] {
    (texts ?? []).flatMap(\.paths) + (tasks?.entries ?? []).flatMap(\.paths)
  }

  /// The same with all files in a folder.
  fileprivate func within(_ folder: String) -> Self {
    var moved = self
    moved.texts = texts.map { $0.map { $0.within(folder) } }
    moved.tasks = tasks.map { $0.within(folder) }
    return moved
  }

  /// As settings; those without a value are left out.
  fileprivate var settings: [Setting] {
    let values: [(name: String, value: String?)] = [
      ("evaluate", evaluate?.description),
      ("evaluate-text", texts.map { $0.map(\.description).joined(separator: ",") }),
      ("evaluate-task", tasks?.description), ("evaluate-context", context.map { "\($0)" }),
      ("evaluate-stride", stride.map { "\($0)" }),
    ]
    return values.compactMap { name, value in value.map { Setting(name, .text($0)) } }
  }
}
