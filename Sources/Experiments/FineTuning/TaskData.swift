import Architecture
import Checkpoints
import Checksums
import Evaluation
import FileAccess
import FineTuning
import Foundation

/// The files of a task, found in a folder: GLUE's own, or the tokens that a tokenizer made of them.
package struct TaskData {
  package let task: GlueTask
  /// The folder that holds them.
  let folder: String
  /// Whether they hold tokens.
  let isTokenised: Bool
  /// SHA-256 of them, one after another.
  let digest: String

  /// Finds the files: in the folder, or in its folder of the task's name, as in GLUE's own archive.
  ///
  /// - Throws: ``ExperimentError`` where there are none.
  package init(_ task: GlueTask, in parent: String) throws {
    let folders = ["\(parent)/\(task.title)", parent]
    let found = folders.flatMap { folder in [true, false].map { (folder, $0) } }.first {
      folder, isTokenised in
      FileManager.default.fileExists(atPath: Self.path(folder, "train", isTokenised))
    }
    guard let (folder, isTokenised) = found else {
      throw ExperimentError.refused(
        "\(setting: "data") \(parent) holds neither train.tsv nor \(task.title)/train.tsv, which \(task.argument) is learned from"
      )
    }
    (self.task, self.folder, self.isTokenised) = (task, folder, isTokenised)
    let splits = [.train] + task.heldOut
    digest = try SHA256.hexDigest(
      ofFiles: splits.map { Self.path(folder, task.fileName($0), isTokenised) })
  }

  private static func path(_ folder: String, _ name: String, _ isTokenised: Bool) -> String {
    "\(folder)/\(name).\(isTokenised ? "jsonl" : "tsv")"
  }

  func path(_ split: GlueSplit) -> String { Self.path(folder, task.fileName(split), isTokenised) }

  /// The examples of a split as text.
  package func sentences(_ split: GlueSplit) throws -> ExampleSet<String> {
    try GlueReader(task, path: path(split)).read()
  }
}

/// A task as one checkpoint reads it.
package struct PreparedTask {
  package let data: TaskData
  let sequences: TaskSequences
  /// What somebody should know of the examples, a sentence each.
  package let notes: [String]
  /// Tokens that a sequence has at most.
  let limit: Int

  /// Reads the examples and makes the checkpoint's tokens of them.
  ///
  /// - Throws: ``ExperimentError``, ``EvaluationError`` or `FileAccessError` where files and checkpoint do not go together.
  package init(_ data: TaskData, for start: CheckpointStart, path: String, context: Int?) throws {
    let checkpoint = start.checkpoint
    let positions = checkpoint.configuration.positionRows > 0 ? checkpoint.configuration.positionCount : nil
    if let context, let positions, context > positions {
      throw ExperimentError.refused(
        "\(setting: "context") \(context) is longer than the \(positions) positions that \(path) has vectors for"
      )
    }
    let usual = min(checkpoint.statedContext ?? .max, FineTuningSettings.usualContext)
    limit = context ?? usual
    self.data = data
    let splits = [.train] + data.task.heldOut
    var sets: [[LabelledSequence]] = []
    var notes: [String] = []
    for split in splits {
      let (set, layout) = try Self.tokens(of: data, split, checkpoint, path)
      let (sequences, cutCount) = try layout.sequences(of: set, limit: limit)
      sets.append(sequences)
      if set.skippedLines > 0 {
        notes.append("\(set.path): \(set.skippedLines) lines with too few columns are left out")
      }
      if cutCount > 0 {
        notes.append(
          "\(set.path): \(cutCount) of \(sequences.count) examples are longer than \(limit) tokens and lose their ends"
        )
      }
    }
    self.notes = notes
    sequences = TaskSequences(training: sets[0], heldOut: Array(sets[1...]))
  }

  private static func tokens(
    of data: TaskData, _ split: GlueSplit, _ checkpoint: DecoderCheckpoint, _ path: String
  ) throws -> (ExampleSet<[Int32]>, SequenceLayout) {
    let file = data.path(split)
    let size = checkpoint.configuration.vocabularySize
    if data.isTokenised {
      let content = try SentenceFile.read(file, task: data.task)
      guard content.vocabularySize <= size else {
        throw ExperimentError.failed(
          "\(file) was made with a tokenizer of \(content.vocabularySize) tokens, but \(path) has \(size): it was trained on others"
        )
      }
      return (content.set, content.layout)
    }
    guard size <= DecoderCheckpoint.largestByteVocabulary else {
      throw ExperimentError.refused(
        "\(file) is text, which is read byte by byte, but \(path) has a vocabulary of \(size); make the model's tokens of it: "
          + "python -m nf_probe.tasks \(data.task.argument)=\(data.folder) --tokenizer tokenizer.json --out tokens, and give \(setting: "data") tokens"
      )
    }
    let set = try data.sentences(split).bytes
    let largest = set.examples.reduce(Int32(10)) { largest, example in
      example.sentences.reduce(largest) { max($0, $1.max() ?? 0) }
    }
    guard largest < size else {
      throw ExperimentError.failed(
        "\(file) has the byte \(largest), but the ids of \(path) end at \(size - 1): it was trained on other tokens"
      )
    }
    return (set, .bytes)
  }
}
