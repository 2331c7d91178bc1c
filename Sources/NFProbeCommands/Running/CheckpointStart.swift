import Checkpoints
import Checksums
import Corpus
import FileAccess
import Kernels
import RunData
import Transformer

/// Weights to start from, and the model that they belong to.
struct CheckpointStart {
  let checkpoint: DecoderCheckpoint
  /// SHA-256 of the files, one after another: which weights a run started from.
  let digest: String

  /// Opens a checkpoint; `model` says what no tensor tells, and must not contradict what one does.
  init(path: String, model: ModelOptions) throws {
    checkpoint = try DecoderCheckpoint(
      path: path,
      hints: CheckpointHints(headCount: model.heads, headScalePlacement: model.headScalePlacement))
    guard checkpoint.architecture.isHeadTied else {
      throw CommandError.failed(
        "\(path): its output projection is not its token embedding, and a model with an untied head is not "
          + "supported")
    }
    digest = try Self.digest(checkpoint.view.checkpoint.files)
    try checkAgainst(model, path: path)
  }

  /// The architecture that the tensors come nearest to.
  var architecture: Architecture {
    let found = checkpoint.architecture
    if found.placement == .postLN { return .postLN }
    let isNormFormer = found.scaleAttention && found.scaleFFN && found.scaleHeads != nil
    return isNormFormer ? .normFormer : .preLN
  }

  /// The model that the tensors belong to.
  func configuration(objective: Objective) -> ModelConfiguration {
    let found = checkpoint.architecture
    return ModelConfiguration(
      layerCount: found.layerCount, modelDim: found.modelDim, headCount: found.headCount,
      ffnDim: found.ffnDim, vocabularySize: vocabularySize(objective: objective), placement: found.placement,
      additions: Additions(
        scaleAttention: found.scaleAttention, scaleFFN: found.scaleFFN, scaleHeads: found.scaleHeads,
        scaleResiduals: found.scaleResiduals, normQueryKeyValue: found.normQueryKeyValue),
      activation: found.activation, norm: found.norm, objective: objective)
  }

  /// Token ids of text: a masked model's last embedding is the mask.
  func vocabularySize(objective: Objective) -> Int {
    checkpoint.architecture.vocabularySize - (objective == .masked ? 1 : 0)
  }

  /// Puts the weights into a model of ``configuration(objective:)``.
  func load(into model: Model<Float>) throws {
    for (index, parameter) in model.table.parameters.enumerated() {
      model.parameter(index).assign(try checkpoint.floats(of: parameter.fullName))
    }
  }

  private func checkAgainst(_ model: ModelOptions, path: String) throws {
    let found = checkpoint.architecture
    for (option, asked, there) in [
      ("--layers", model.layers, found.layerCount), ("--dim", model.dim, found.modelDim),
      ("--ffn-dim", model.ffnDim, found.ffnDim), ("--vocab-size", model.vocabSize, found.vocabularySize),
    ] {
      if let asked, asked != there {
        throw CommandError.usage("\(option) \(asked) contradicts \(path), whose tensors say \(there)")
      }
    }
    for (option, asked, there) in [
      ("--scale-attn", model.scaleAttn, found.scaleAttention), ("--scale-fc", model.scaleFc, found.scaleFFN),
      ("--scale-heads", model.scaleHeads, found.scaleHeads != nil),
      ("--scale-resids", model.scaleResids, found.scaleResiduals != .none),
    ] {
      if let asked, asked != there {
        throw CommandError.usage(
          "\(option.replacing("--", with: asked ? "--" : "--no-")) contradicts \(path), whose tensors say otherwise"
        )
      }
    }
    if model.size != nil { throw CommandError.usage("--size has no place beside --from-checkpoint") }
  }

  private static func digest(_ paths: [String]) throws -> String {
    var hash = SHA256()
    for path in paths {
      let file = try RandomAccessFile(path: path)
      var offset = 0
      while offset < file.byteCount {
        let count = min(1 << 22, file.byteCount - offset)
        hash.update(try file.bytes(at: offset, count: count))
        offset += count
      }
    }
    return hash.hexDigest()
  }
}
