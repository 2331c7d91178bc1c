import Architecture
import Checkpoints
import Checksums
import Corpus
import FileAccess
import Kernels
import RunData
import Transformer

/// Weights to start from, and the model that they belong to.
package struct CheckpointStart {
  package let checkpoint: DecoderCheckpoint
  /// SHA-256 of the files, one after another: which weights a run started from.
  let digest: String

  /// Opens a checkpoint; `model` says what no tensor tells, and must not contradict what one does.
  package init(
    path: String, model: ModelSettings, architecture: ArchitectureDescription? = nil,
    names: CheckpointNames? = nil
  ) throws {
    checkpoint = try DecoderCheckpoint(
      path: path,
      hints: CheckpointHints(
        headCount: model.heads, headScalePlacement: model.headScalePlacement, architecture: architecture,
        names: names))
    digest = try SHA256.hexDigest(ofFiles: checkpoint.view.checkpoint.files)
    try checkAgainst(model, path: path)
  }

  /// Opens a checkpoint to fine-tune it: one that was fine-tuned before is as good.
  package init(path: String, hints: CheckpointHints) throws {
    var hints = hints
    hints.readsSequenceHead = true
    checkpoint = try DecoderCheckpoint(path: path, hints: hints)
    digest = try SHA256.hexDigest(ofFiles: checkpoint.view.checkpoint.files)
  }

  /// The architecture that the tensors come nearest to.
  package var architecture: ArchitectureChoice {
    let found = checkpoint.configuration
    guard let wiring = found.paperWiring else { return ArchitectureChoice(found.architecture) }
    if wiring.placement == .postLN { return .postLN }
    let additions = wiring.additions
    let isNormFormer = additions.scaleAttention && additions.scaleFFN && additions.scaleHeads != nil
    return isNormFormer ? .normFormer : .preLN
  }

  /// The model that the tensors belong to.
  func configuration(objective: Objective) -> ModelConfiguration {
    var configuration = checkpoint.configuration
    configuration.vocabularySize = vocabularySize(objective: objective)
    configuration.objective = objective
    return configuration
  }

  /// Token ids of text: a masked model's last embedding is the mask.
  func vocabularySize(objective: Objective) -> Int {
    checkpoint.configuration.vocabularySize - (objective == .masked ? 1 : 0)
  }

  /// Refuses text for a model of another program whose tokens are no bytes: its losses and gradients would mean nothing.
  func checkVocabulary(ofCorpus path: String) throws {
    try checkpoint.checkVocabulary(ofText: path, setting: "corpus")
  }

  /// Puts the weights into a model of ``configuration(objective:)``; a head that judges sequences begins anew.
  func load(into model: Model<Float>) throws { try checkpoint.load(into: model, withSequenceHead: false) }

  private func checkAgainst(_ model: ModelSettings, path: String) throws {
    let found = checkpoint.configuration
    let additions = found.paperWiring?.additions ?? .none
    for (option, asked, there) in [
      ("layers", model.layers, found.layerCount), ("dim", model.dim, found.modelDim),
      ("ffn-dim", model.ffnDim, found.ffnDim), ("vocab-size", model.vocabSize, found.vocabularySize),
    ] {
      if let asked, asked != there {
        throw ExperimentError.refused(
          "\(setting: option) \(asked) contradicts \(path), whose tensors say \(there)")
      }
    }
    for (option, asked, there) in [
      ("scale-attn", model.scaleAttn, additions.scaleAttention),
      ("scale-fc", model.scaleFc, additions.scaleFFN),
      ("scale-heads", model.scaleHeads, additions.scaleHeads != nil),
      ("scale-resids", model.scaleResids, additions.scaleResiduals != .none),
    ] {
      if let asked, asked != there {
        throw ExperimentError.refused(
          "\(setting: asked ? option : "no-\(option)") contradicts \(path), whose tensors say otherwise"
        )
      }
    }
    if model.parts != nil {
      throw ExperimentError.refused(
        "\(setting: "parts") has no place beside \(setting: "from-checkpoint"), whose tensors say what it is made of"
      )
    }
    if model.size != nil {
      throw ExperimentError.refused(
        "\(setting: "size") has no place beside \(setting: "from-checkpoint")")
    }
  }
}

extension SHA256 {
  /// The digest of some files, one after another, in memory that does not grow with them.
  /// - Throws: `FileAccessError`.
  package static func hexDigest(ofFiles paths: [String]) throws -> String {
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

extension DecoderCheckpoint {
  /// Puts the weights into a model of its configuration.
  ///
  /// - Parameter withSequenceHead: whether those of a head that judges sequences, too; else they stay as they are.
  package func load(into model: Model<Float>, withSequenceHead: Bool = true) throws {
    for (index, parameter) in model.table.parameters.enumerated() {
      guard withSequenceHead || !parameter.fullName.hasPrefix(SequenceHead.prefix) else { continue }
      model.parameter(index).assign(try floats(of: parameter.fullName))
    }
  }

  /// Refuses text for a model of another program whose tokens are no bytes: its losses and gradients would mean nothing.
  package func checkVocabulary(ofText path: String, setting: String) throws {
    let rows = configuration.vocabularySize
    guard isForeign, rows > Self.largestByteVocabulary, try TokenFile.format(ofFileAt: path) == .text else {
      return
    }
    throw ExperimentError.refused(
      "\(path) is text, which is read byte by byte, but the model of \(view.checkpoint.path) has a vocabulary of "
        + "\(rows); turn it into the model's tokens first: python -m nf_probe.tokenize \(path) --tokenizer tokenizer.json "
        + "--out tokens.bin, and give \(setting: setting) tokens.bin")
  }

  /// Bytes and as many marks as byte models add.
  package static let largestByteVocabulary = 512
}
