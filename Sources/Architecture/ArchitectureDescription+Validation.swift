extension ArchitectureDescription {
  /// Checks what depends on sizes: that constants are numbers, and that learned positions have a table.
  func validate(_ configuration: ModelConfiguration) throws(ModelConfigurationError) {
    if case .learned = embedding.positions, configuration.positionCount < 1 {
      throw ModelConfigurationError(
        description: "positions must be at least 1: \(name) learns a vector for each of them")
    }
    for layer in 0..<min(configuration.layerCount, 10_000) {
      let variables = configuration.variables(layer: layer)
      for (key, expression) in expressions(layer: layer + 1, of: configuration.layerCount) {
        let value = expression.value(variables)
        guard value.isFinite else {
          throw ModelConfigurationError(
            description:
              "architecture \(name): \"\(key)\", \(expression.text), is no number in layer \(layer + 1) "
              + "of \(configuration.layerCount)")
        }
      }
    }
  }

  /// Every constant of a layer, and of the model, with the word that it stands under.
  private func expressions(layer: Int, of layerCount: Int) -> [(key: String, expression: Expression)] {
    var found: [(String, Expression)] = [("embedding: scale", embedding.scale)]
    if let multiplier = head.multiplier { found.append(("head: multiplier", multiplier)) }
    found += initial.gains.sorted { $0.key < $1.key }.map { ("initial: gains: \($0.key)", $0.value) }
    for sublayer in sublayers(layer: layer, of: layerCount) { found += sublayer.expressions }
    return found
  }
}

extension SublayerDescription {
  fileprivate var expressions: [(String, Expression)] {
    let around = surroundings
    var found: [(String, Expression)] = []
    for (key, norm) in [
      ("input-norm", around.inputNorm), ("branch-norm", around.branchNorm),
      ("output-norm", around.outputNorm),
    ] {
      if let factor = norm?.factor { found.append(("\(key): factor", factor)) }
    }
    for (key, scale) in [("branch-scale", around.branchScale), ("residual-scale", around.residualScale)] {
      switch scale {
      case .constant(let value), .scalar(let value), .vector(let value): found.append((key, value))
      case .profiledVector, nil: break
      }
    }
    switch self {
    case .attention(let attention, _):
      if let scale = attention.scoreScale { found.append(("scale", scale)) }
    case .feedForward: break
    case .parallel(let branches, _): found += branches.flatMap(\.expressions)
    }
    return found
  }
}
