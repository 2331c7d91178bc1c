import Architecture

/// Finds a tensor for every parameter that an architecture has, and names the tensors that are left.
struct ParameterMatching {
  private let layout: DecoderLayout
  private let configuration: ModelConfiguration
  private(set) var sources: [String: ModelTensor] = [:]
  /// Full names of the parameters, in the order in which data passes them.
  private(set) var names: [String] = []
  private var used: Set<TensorPlace> = []

  init(_ layout: DecoderLayout, _ configuration: ModelConfiguration) {
    self.layout = layout
    self.configuration = configuration
  }

  /// Tensors that no parameter has taken.
  var unmatched: [String] {
    let all = Array(layout.stem.values) + layout.layers.flatMap { $0.values }
    // A tied head is a copy of the embedding.
    let unmatched = all.filter { !used.contains($0.place) && $0.place.name != "\(StemTensor.head).weight" }
    return Set(unmatched.map(\.storedName) + layout.unknown).sorted()
  }

  mutating func matchAll() throws(CheckpointError) {
    for parameter in ParameterTable(configuration).parameters {
      let spec = parameter.spec
      if let layer = parameter.layer {
        try match(spec.name, spec.shape, layer: layer)
      } else {
        try matchStem(spec.name, spec.shape)
      }
    }
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
        "\(tensor.storedName) has shape \(tensor.tensor.shape); with width \(configuration.modelDim), "
          + "FFN width \(configuration.ffnDim) and \(configuration.headCount) heads it must be "
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
