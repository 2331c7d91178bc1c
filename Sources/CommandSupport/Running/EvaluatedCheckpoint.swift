import Architecture
import ArgumentParser
import Checkpoints
import CommandOptions
import Evaluation
import Experiments
import Kernels
import RunData
import Transformer

/// A checkpoint that is evaluated: opened, but its weights still in the file.
package struct EvaluatedCheckpoint {
  /// As it was given.
  package let path: String
  /// What tables call it.
  package let name: String
  package let checkpoint: DecoderCheckpoint

  package init(path: String, name: String, checkpoint: DecoderCheckpoint) {
    self.path = path
    self.name = name
    self.checkpoint = checkpoint
  }

  /// Opens checkpoints and says what was taken for granted.
  package static func open(_ paths: [String], _ options: EvaluatedModelOptions, _ console: Console) throws
    -> [Self]
  {
    let hints = try options.hints()
    return try zip(paths, names(of: paths)).map { path, name in
      let checkpoint = try DecoderCheckpoint(path: path, hints: hints)
      for note in checkpoint.notes { console.progress("\(name): \(note)") }
      guard checkpoint.statedObjective ?? .causal == .causal else {
        throw CommandError.usage(
          "\(path) was trained to fill in masked tokens and has no head that predicts the next one; evaluate takes language models"
        )
      }
      return Self(path: path, name: name, checkpoint: checkpoint)
    }
  }

  /// The shortest ends of the paths that tell them apart.
  package static func names(of paths: [String]) -> [String] {
    let parts = paths.map { $0.split(separator: "/").map(String.init) }
    return parts.indices.map { index in
      let own = parts[index]
      let count = (1...max(1, own.count)).first { count in
        !parts.indices.contains { $0 != index && parts[$0].suffix(count) == own.suffix(count) }
      }
      return own.isEmpty ? paths[index] : own.suffix(count ?? own.count).joined(separator: "/")
    }
  }

  /// The model as it computes: its vocabulary is all rows of the embedding.
  package var configuration: ModelConfiguration {
    var configuration = checkpoint.configuration
    configuration.objective = .causal
    return configuration
  }

  /// Token ids are below this.
  package var vocabularySize: Int { checkpoint.configuration.vocabularySize }

  /// Positions that have a vector; nil where positions are computed.
  package var positionLimit: Int? { configuration.positionRows > 0 ? configuration.positionCount : nil }

  /// Refuses windows that are longer than the positions that the model has vectors for.
  package func check(context: Int) throws {
    guard let positionLimit, context > positionLimit else { return }
    throw CommandError.usage(
      "--context \(context) is longer than the \(positionLimit) positions that \(path) has vectors for"
    )
  }

  /// The model with its weights, for sequences that take so much.
  package func evaluator(sizes: [SequenceGroup.Size], team: Team) throws -> Evaluator {
    let shape = Evaluator.shape(of: sizes)
    let needed = configuration.evaluationBytes(shape: shape)
    guard needed <= 0.95 * Machine.memoryBytes else {
      throw CommandError.usage(
        "\(path) and a context of \(shape.sequenceLength) would take \(gigabytes(needed)) of memory, and there is "
          + "\(gigabytes(Machine.memoryBytes)); give a shorter --context")
    }
    do {
      let model = try Model<Float>(configuration, shape: shape, hasBackward: false, team: team)
      try checkpoint.load(into: model)
      return Evaluator(model)
    } catch let error as ModelConfigurationError {
      throw CommandError.failed("\(path): \(error)")
    }
  }

  private func gigabytes(_ bytes: Double) -> String { "\(rounded(bytes / 1e9, 1)) GB" }
}
