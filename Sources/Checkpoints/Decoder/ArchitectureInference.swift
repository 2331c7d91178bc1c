import Architecture

/// Reads an architecture off the tensors that are there.
struct ArchitectureInference {
  let layout: DecoderLayout
  let metadata: [String: String]
  let hints: CheckpointHints
  /// What was taken for granted, for the user to read.
  private(set) var notes: [String] = []

  init(_ layout: DecoderLayout, metadata: [String: String], hints: CheckpointHints) {
    self.layout = layout
    self.metadata = metadata
    self.hints = hints
  }

  /// The model in the paper's words.
  mutating func configuration() throws(CheckpointError) -> ModelConfiguration {
    try refuseOtherComputations()
    if layout.stem[StemTensor.positions] != nil {
      throw layout.error(
        "has learned positions (\(StemTensor.positions)); of fairseq's models, sinusoidal ones can be read")
    }
    let sizes = try DecoderSizes(layout)
    let hasHeadScale = layout.hasAny("c_attn")
    var configuration = ModelConfiguration(
      layerCount: sizes.layerCount, modelDim: sizes.modelDim,
      headCount: try headCount(modelDim: sizes.modelDim), ffnDim: sizes.ffnDim,
      vocabularySize: sizes.vocabularySize, placement: try placement(),
      additions: Additions(
        scaleAttention: layout.hasAny("attn_ln.weight"), scaleFFN: layout.hasAny("ffn_layernorm.weight"),
        scaleHeads: hasHeadScale ? try headScalePlacement() : nil, scaleResiduals: try residualScaling(),
        normQueryKeyValue: ["q", "k", "v"].contains { layout.hasAny("self_attn.\($0)_layer_norm.weight") }),
      activation: try activation(ffnDim: sizes.ffnDim), norm: normKind())
    configuration.architecture.head.isTied = try layout.isHeadTied()
    return configuration
  }

  /// Hyper-parameters of fairseq's that leave the tensors as they are and make the model compute something else.
  private static let otherComputations = [
    "no_scale_embedding", "no_token_positional_embeddings", "no_decoder_final_norm",
  ]

  private func refuseOtherComputations() throws(CheckpointError) {
    guard let key = Self.otherComputations.first(where: { metadata[$0] == "True" }) else { return }
    throw layout.error("was trained with \(key); such a model cannot be computed here")
  }

  private mutating func placement() throws(CheckpointError) -> NormPlacement {
    if layout.stem["\(StemTensor.finalNorm).weight"] != nil { return .preLN }
    guard metadata["decoder_normalize_before"] != "True" else {
      throw layout.error(
        "is Pre-LN by its hyper-parameters, but \(StemTensor.finalNorm) after the stack is missing")
    }
    notes.append("Post-LN, because there is no \(StemTensor.finalNorm) after the stack")
    return .postLN
  }

  private func normKind() -> NormKind {
    let norms = ["self_attn_layer_norm", "final_layer_norm", "attn_ln", "ffn_layernorm"]
    let hasBias =
      norms.contains { layout.hasAny("\($0).bias") } || layout.stem["\(StemTensor.finalNorm).bias"] != nil
    return hasBias ? .layer : .rms
  }

  private mutating func activation(
    ffnDim: Int
  ) throws(CheckpointError) -> Activation {
    // fc1 has two rows for each of fc2's columns where one half gates the other.
    let isGated = try layout.shape("fc1.weight", rank: 2)[0] == 2 * ffnDim
    let fromShapes: Activation = isGated ? .geglu : .gelu
    guard let text = metadata[CheckpointMetadataKey.activation] else {
      notes.append("activation \(fromShapes.rawValue), which the file does not state")
      return fromShapes
    }
    guard let stated = Activation(rawValue: text) else {
      throw layout.error("states activation \"\(text)\" in its metadata; known are gelu and geglu")
    }
    guard stated == fromShapes else {
      throw layout.error(
        "states activation \(text) in its metadata, but fc1 and fc2 have the shapes of \(fromShapes.rawValue)"
      )
    }
    return stated
  }

  private func headCount(modelDim: Int) throws(CheckpointError) -> Int {
    let fromTensor = layout.hasAny("c_attn") ? try layout.shape("c_attn", rank: 1)[0] : nil
    let fromMetadata = try headCountFromMetadata()
    guard let count = fromTensor ?? hints.headCount ?? fromMetadata else {
      throw layout.error(
        "has no tensor that tells the number of attention heads", advice: "Give it with --heads")
    }
    if let stated = hints.headCount, stated != count {
      throw layout.error("has \(count) heads by the length of c_attn, not the \(stated) of --heads")
    }
    guard count > 0, modelDim.isMultiple(of: count) else {
      throw layout.error("\(count) heads do not divide the width \(modelDim)")
    }
    return count
  }

  private func headCountFromMetadata() throws(CheckpointError) -> Int? {
    guard let text = metadata[CheckpointMetadataKey.headCount] else { return nil }
    guard let count = Int(text) else {
      throw layout.error("states \(CheckpointMetadataKey.headCount) \"\(text)\" in its metadata")
    }
    return count
  }

  private func headScalePlacement() throws(CheckpointError) -> HeadScalePlacement {
    if let placement = hints.headScalePlacement { return placement }
    let known = HeadScalePlacement.allCases.map(\.rawValue).joined(separator: ", ")
    guard let text = metadata[CheckpointMetadataKey.headScalePlacement] else {
      throw layout.error(
        "has head scales (c_attn), but does not tell what they scale",
        advice: "Give --head-scale-placement, one of \(known)")
    }
    guard let placement = HeadScalePlacement(rawValue: text) else {
      throw layout.error(
        "states head scale placement \"\(text)\" in its metadata",
        advice: "Give --head-scale-placement, one of \(known)")
    }
    return placement
  }

  private func residualScaling() throws(CheckpointError) -> ResidualScaling {
    switch (layout.hasAny("w_resid"), layout.hasAny("w_resid_attention")) {
    case (false, false): return .none
    case (true, false): return .ffn
    case (true, true): return .both
    case (false, true):
      throw layout.error("scales the attention's residual (w_resid_attention), but not the FFN's (w_resid)")
    }
  }
}
