/// The tensors of a decoder in fairseq's names: which layers have which, and what else there is.
struct DecoderLayout {
  static let embedding = "decoder.embed_tokens.weight"
  static let outputProjection = "decoder.output_projection.weight"
  static let finalNorm = "decoder.layer_norm"
  private static let layerPrefix = "decoder.layers."

  let path: String
  /// Tensors of each layer, by their names within it.
  private(set) var layers: [[String: TensorInfo]] = []
  /// Tensors outside the layers, by their full names.
  private(set) var stem: [String: TensorInfo] = [:]
  /// Tensors that fairseq stores and no computation reads.
  private(set) var bookkeeping: [String] = []

  init(_ file: SafetensorsFile) throws(CheckpointError) {
    path = file.path
    var byLayer: [Int: [String: TensorInfo]] = [:]
    for tensor in file.tensors {
      if let (layer, name) = Self.layerAndName(tensor.name) {
        byLayer[layer, default: [:]][name] = tensor
      } else if tensor.name == "decoder.version" || tensor.name.hasSuffix("._float_tensor") {
        bookkeeping.append(tensor.name)
      } else {
        stem[tensor.name] = tensor
      }
    }
    try refuseOtherModels()
    guard let deepest = byLayer.keys.max() else {
      throw error("has no tensors named \(Self.layerPrefix)0.…: this is no decoder with fairseq's names")
    }
    // Counted, not walked: a layer number may be as large as an Int.
    guard deepest == byLayer.count - 1 else {
      let missing = (0..<byLayer.count).first { byLayer[$0] == nil } ?? byLayer.count
      throw error("has tensors of layer \(deepest), but none of layer \(missing)")
    }
    layers = (0..<byLayer.count).map { byLayer[$0] ?? [:] }
  }

  /// `decoder.layers.3.fc1.weight` as 3 and `fc1.weight`.
  private static func layerAndName(_ fullName: String) -> (layer: Int, name: String)? {
    guard fullName.hasPrefix(layerPrefix) else { return nil }
    let parts = fullName.dropFirst(layerPrefix.count).split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let layer = Int(parts[0]), layer >= 0, String(layer) == parts[0] else {
      return nil
    }
    return (layer, String(parts[1]))
  }

  private func refuseOtherModels() throws(CheckpointError) {
    if let name = stem.keys.filter({ $0.hasPrefix("encoder.") }).min() {
      throw error("has an encoder (\(name)); only decoder-only language models can be read")
    }
    if stem["decoder.embed_positions.weight"] != nil {
      throw error(
        "has learned positions (decoder.embed_positions.weight); only sinusoidal positions can be read")
    }
  }

  func error(_ problem: String, advice: String? = nil) -> CheckpointError {
    CheckpointError(path: path, problem: problem, advice: advice)
  }

  /// Whether any layer has a tensor of the name.
  func hasAny(_ name: String) -> Bool { layers.contains { $0[name] != nil } }

  /// The full name of a layer's tensor.
  static func fullName(_ layer: Int, _ name: String) -> String { "\(layerPrefix)\(layer).\(name)" }

  /// The shape of a tensor that decides a size: the first layer's that has it.
  func shape(_ name: String, rank: Int) throws(CheckpointError) -> [Int] {
    guard let layer = layers.firstIndex(where: { $0[name] != nil }), let tensor = layers[layer][name] else {
      throw error("\(Self.fullName(0, name)) is missing")
    }
    return try shape(of: tensor, rank: rank)
  }

  func shape(of tensor: TensorInfo, rank: Int) throws(CheckpointError) -> [Int] {
    guard tensor.shape.count == rank, tensor.shape.allSatisfy({ $0 > 0 }) else {
      throw error("\(tensor.name) has shape \(tensor.shape); expected \(rank == 1 ? "a vector" : "a matrix")")
    }
    return tensor.shape
  }
}
