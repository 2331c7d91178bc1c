import RunData

/// Finds a tensor for every parameter that an architecture has, and names the tensors that are left.
struct ParameterMatching {
  private let layout: DecoderLayout
  private let architecture: CheckpointArchitecture
  private(set) var sources: [String: ModelTensor] = [:]
  /// Full names of the parameters, in the order in which data passes them.
  private(set) var names: [String] = []
  private var used: Set<TensorPlace> = []

  init(_ layout: DecoderLayout, _ architecture: CheckpointArchitecture) {
    self.layout = layout
    self.architecture = architecture
  }

  /// Tensors that no parameter has taken.
  var unmatched: [String] {
    let all =
      Array(layout.stem.values) + layout.layers.flatMap { $0.values }
    // A tied head is a copy of the embedding.
    let unmatched = all.filter { !used.contains($0.place) && $0.place.name != DecoderLayout.outputProjection }
    return Set(unmatched.map(\.storedName) + layout.unknown).sorted()
  }

  mutating func matchAll() throws(CheckpointError) {
    try matchStem(DecoderLayout.embedding, [architecture.vocabularySize, architecture.modelDim])
    for layer in layout.layers.indices {
      for (name, shape) in layerParameters { try match(name, shape, layer: layer) }
    }
    if architecture.placement == .preLN {
      for (name, shape) in norm(DecoderLayout.finalNorm, architecture.modelDim) { try matchStem(name, shape) }
    }
  }

  mutating func matchHead() throws(CheckpointError) {
    try matchStem(DecoderLayout.outputProjection, [architecture.vocabularySize, architecture.modelDim])
  }

  /// Names and shapes of a layer's parameters, in the order in which data passes them.
  private var layerParameters: [(name: String, shape: [Int])] {
    let (width, hidden) = (architecture.modelDim, architecture.ffnDim)
    let attentionNorm = norm("self_attn_layer_norm", width)
    let ffnNorm = norm("final_layer_norm", width)
    let isPreLN = architecture.placement == .preLN
    var all = isPreLN ? attentionNorm : []
    for part in ["q", "k", "v"] { all += linear("self_attn.\(part)_proj", width, width) }
    if architecture.normQueryKeyValue {
      for part in ["q", "k", "v"] { all += norm("self_attn.\(part)_layer_norm", width) }
    }
    all += linear("self_attn.out_proj", width, width)
    if architecture.scaleHeads != nil { all.append(("c_attn", [architecture.headCount])) }
    if architecture.scaleAttention { all += norm("attn_ln", width) }
    if architecture.scaleResiduals == .both { all.append(("w_resid_attention", [width])) }
    all += isPreLN ? ffnNorm : attentionNorm
    all += linear("fc1", architecture.activation == .geglu ? 2 * hidden : hidden, width)
    if architecture.scaleFFN { all += norm("ffn_layernorm", hidden) }
    all += linear("fc2", width, hidden)
    if architecture.scaleResiduals != .none { all.append(("w_resid", [width])) }
    return isPreLN ? all : all + ffnNorm
  }

  private func norm(_ name: String, _ width: Int) -> [(name: String, shape: [Int])] {
    let gain = ("\(name).weight", [width])
    return architecture.norm == .layer ? [gain, ("\(name).bias", [width])] : [gain]
  }

  private func linear(_ name: String, _ outputs: Int, _ inputs: Int) -> [(name: String, shape: [Int])] {
    [("\(name).weight", [outputs, inputs]), ("\(name).bias", [outputs])]
  }

  private mutating func matchStem(_ name: String, _ shape: [Int]) throws(CheckpointError) {
    guard let tensor = layout.stem[name] else { throw layout.error("\(name) is missing") }
    try take(tensor, as: name, shape)
  }

  private mutating func match(_ name: String, _ shape: [Int], layer: Int) throws(CheckpointError) {
    let fullName = DecoderLayout.fullName(layer, name)
    if let tensor = layout.layers[layer][name] { return try take(tensor, as: fullName, shape) }
    let advice = layout.hasAny(name) ? "Other layers have it, so the file is not whole" : nil
    throw layout.error("\(fullName) is missing", advice: advice)
  }

  /// Records which tensor a parameter is.
  private mutating func take(
    _ tensor: ModelTensor, as fullName: String, _ shape: [Int]
  ) throws(CheckpointError) {
    guard tensor.shape == shape else {
      throw layout.error(
        "\(tensor.storedName) has shape \(tensor.tensor.shape); with width \(architecture.modelDim), "
          + "FFN width \(architecture.ffnDim) and \(architecture.headCount) heads it must be "
          + "\(tensor.storedShape(for: shape))")
    }
    let type = tensor.tensor.type
    guard type.isReadable else {
      throw layout.error(
        "\(tensor.storedName) has type \(type.rawValue)", advice: "F64, F32, F16 and BF16 can be read")
    }
    sources[fullName] = tensor
    names.append(fullName)
    used.insert(tensor.place)
  }
}
