import Architecture

/// The tensors of a decoder in fairseq's names: which layers have which, and what else there is.
struct DecoderLayout {
  private static let layerPrefix = "decoder.layers."
  private static let stack = TensorPlace.Stack.decoder.rawValue

  let path: String
  private let view: ModelView
  /// Tensors of each layer, by their names within it.
  private(set) var layers: [[String: ModelTensor]] = []
  /// Tensors outside the layers, by their full names.
  private(set) var stem: [String: ModelTensor] = [:]
  /// Names of tensors that fairseq's models do not have.
  private(set) var unknown: [String] = []

  init(_ view: ModelView) throws(CheckpointError) {
    self.view = view
    path = view.checkpoint.path
    try refuseOtherModels(view)
    var byLayer: [Int: [String: ModelTensor]] = [:]
    for tensor in view.tensors {
      if let layer = tensor.place.layer {
        byLayer[layer, default: [:]][tensor.place.name] = tensor
      } else {
        stem[tensor.place.name] = tensor
      }
    }
    var unknown: [String] = []
    for tensor in view.unknown {
      // Our own checkpoints have names for what fairseq has none for.
      if let own = view.ownPlaces[tensor.name], own.stack == Self.stack, own.expert == nil {
        let place = TensorPlace(stack: .decoder, layer: own.layer, name: own.name)
        byLayer[own.layer, default: [:]][own.name] = ModelTensor(place, tensor)
      } else if tensor.name.hasPrefix("decoder.") || tensor.name.hasPrefix(SequenceHead.prefix) {
        stem[tensor.name] = ModelTensor(TensorPlace(stack: .decoder, layer: nil, name: tensor.name), tensor)
      } else {
        unknown.append(tensor.name)
      }
    }
    self.unknown = unknown
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

  private func refuseOtherModels(_ view: ModelView) throws(CheckpointError) {
    if let tensor = view.tensors.first(where: { $0.place.stack == .encoder }) {
      throw error("has an encoder (\(tensor.storedName)); only decoder-only language models can be read")
    }
  }

  func error(_ problem: String, advice: String? = nil) -> CheckpointError {
    CheckpointError(path: path, problem: problem, advice: advice)
  }

  /// Whether any layer has a tensor of the name.
  func hasAny(_ name: String) -> Bool { layers.contains { $0[name] != nil } }

  /// Whether the output projection is absent or equal to the token embedding, element by element.
  func isHeadTied() throws(CheckpointError) -> Bool {
    guard let head = stem["\(StemTensor.head).weight"], let embedding = stem[StemTensor.embedding] else {
      return true
    }
    guard head.shape == embedding.shape else { return false }
    let names = Set([head.storedName, embedding.storedName])
    if view.checkpoint.tiedTensors.contains(where: { names.isSubset(of: $0.map(\.name)) }) { return true }
    let window = 1 << 18
    var (left, right) = ([Double](repeating: 0, count: window), [Double](repeating: 0, count: window))
    for start in stride(from: 0, to: head.elementCount, by: window) {
      let elements = start..<min(start + window, head.elementCount)
      try view.read(head, elements: elements, into: &left)
      try view.read(embedding, elements: elements, into: &right)
      // Bit patterns, so that a not-a-number equals its copy.
      for index in 0..<elements.count where left[index].bitPattern != right[index].bitPattern { return false }
    }
    return true
  }

  /// The head that judges sequences, by its tensors; nil where there is none.
  func sequenceHead() throws(CheckpointError) -> SequenceHead? {
    guard let projection = stem["\(SequenceHead.projection).weight"] else { return nil }
    let count = try shape(of: projection, rank: 2)[0]
    return SequenceHead(count == 1 ? .score : .classes(count))
  }

  /// The full name of a layer's tensor.
  static func fullName(_ layer: Int, _ name: String) -> String { "\(layerPrefix)\(layer).\(name)" }

  /// The shape of a tensor that decides a size: the first layer's that has it.
  func shape(_ name: String, rank: Int) throws(CheckpointError) -> [Int] {
    guard let tensor = layers.lazy.compactMap({ $0[name] }).first else {
      throw error("\(Self.fullName(0, name)) is missing")
    }
    return try shape(of: tensor, rank: rank)
  }

  func shape(of tensor: ModelTensor, rank: Int) throws(CheckpointError) -> [Int] {
    guard tensor.shape.count == rank, tensor.shape.allSatisfy({ $0 > 0 }) else {
      throw error(
        "\(tensor.storedName) has shape \(tensor.tensor.shape); expected \(rank == 1 ? "a vector" : "a matrix")"
      )
    }
    return tensor.shape
  }
}
