import Architecture

/// Which gains of a checkpoint are stored as their difference from one, by what it says of itself: our own by their architecture,
/// Gemma by the `config.json` beside it. Names do not tell.
enum GainStorage {
  /// All as they multiply.
  case plain
  /// Those of every norm.
  case minusOne
  /// Those of these tensors, by their full names.
  case minusOneOf(Set<String>)

  init(_ checkpoint: Checkpoint, layerCount: Int) {
    if let text = checkpoint.metadata[CheckpointMetadataKey.architecture] {
      let description = try? ArchitectureDescription(parsing: text, name: "stated", file: checkpoint.path)
      self = description.map { .minusOneOf($0.gainsStoredMinusOne(layerCount: layerCount)) } ?? .plain
      return
    }
    let config = ConfigFields(beside: checkpoint)
    let kind = config?.text("model_type") ?? config?.fields("text_config")?.text("model_type")
    self = kind?.hasPrefix("gemma") == true ? .minusOne : .plain
  }

  /// Whether one is added to the elements of a tensor before they multiply.
  func isStoredMinusOne(_ name: String, layer: Int?, shape: [Int]) -> Bool {
    switch self {
    case .plain: false
    case .minusOne: shape.count == 1 && (name.hasSuffix("norm.weight") || name.hasSuffix("_ln.weight"))
    case .minusOneOf(let names): names.contains(layer.map { "decoder.layers.\($0).\(name)" } ?? name)
    }
  }
}

extension ArchitectureDescription {
  /// Full names of the gains that are stored as their difference from one. Names do not depend on sizes.
  fileprivate func gainsStoredMinusOne(layerCount: Int) -> Set<String> {
    let smallest = ModelConfiguration(
      layerCount: layerCount, modelDim: 64, headCount: 8, vocabularySize: 8, positionCount: 8,
      architecture: self)
    guard (try? smallest.validate()) != nil else { return [] }
    let table = ParameterTable(smallest)
    return Set(table.parameters.filter { $0.spec.multiplierOffset != 0 }.map(\.fullName))
  }
}
