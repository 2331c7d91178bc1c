import Architecture

/// What a decoder's tensors tell of its sizes.
struct DecoderSizes {
  let layerCount: Int
  let modelDim: Int
  let ffnDim: Int
  let vocabularySize: Int
  /// Rows of the table of positions; 0 where there is none.
  let positionRows: Int
  /// Outputs of queries, and of keys and values.
  let queryWidth: Int
  let keyWidth: Int

  init(_ layout: DecoderLayout) throws(CheckpointError) {
    guard let embedding = layout.stem[StemTensor.embedding] else {
      throw layout.error("\(StemTensor.embedding) is missing")
    }
    let shape = try layout.shape(of: embedding, rank: 2)
    layerCount = layout.layers.count
    vocabularySize = shape[0]
    modelDim = shape[1]
    ffnDim = try layout.shape("fc2.weight", rank: 2)[1]
    positionRows =
      try layout.stem[StemTensor.positions].map { tensor throws(CheckpointError) in
        try layout.shape(of: tensor, rank: 2)[0]
      } ?? 0
    queryWidth =
      layout.hasAny("self_attn.q_proj.weight")
      ? try layout.shape("self_attn.q_proj.weight", rank: 2)[0] : modelDim
    keyWidth =
      layout.hasAny("self_attn.k_proj.weight")
      ? try layout.shape("self_attn.k_proj.weight", rank: 2)[0] : modelDim
  }

  /// The model of an architecture that has these sizes.
  func configuration(
    _ architecture: ArchitectureDescription, headCount: Int, layout: DecoderLayout
  ) throws(CheckpointError) -> ModelConfiguration {
    guard headCount > 0, queryWidth.isMultiple(of: headCount) else {
      throw layout.error("\(headCount) heads do not divide the \(queryWidth) outputs of the queries")
    }
    let headDim = queryWidth / headCount
    guard keyWidth.isMultiple(of: headDim) else {
      throw layout.error(
        "the \(keyWidth) outputs of the keys are no whole number of heads of width \(headDim)")
    }
    var positionCount = 0
    if case .learned(let offset) = architecture.embedding.positions {
      positionCount = max(0, positionRows - offset)
    }
    return ModelConfiguration(
      layerCount: layerCount, modelDim: modelDim, headCount: headCount, keyValueHeadCount: keyWidth / headDim,
      headDim: headDim, ffnDim: ffnDim, vocabularySize: vocabularySize, positionCount: positionCount,
      architecture: architecture)
  }
}
