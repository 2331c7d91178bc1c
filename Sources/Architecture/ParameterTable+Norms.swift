extension ParameterTable {
  /// The gains and biases of norms, as places in the table: of each layer in turn, then of those outside of the layers. DyT's are none.
  public func normParameters(of configuration: ModelConfiguration) -> [[Int]] {
    let layers = plans.enumerated().map { layer, plan in
      plan.normParameters.map { firstIndex(layer: layer) + $0 }
    }
    let stem = [
      (configuration.architecture.embedding.norm, StemTensor.embeddingNorm),
      (configuration.architecture.head.norm, StemTensor.finalNorm),
    ].flatMap { description, name -> [Int] in
      guard let description, description.kind != .dyt else { return [] }
      return ["weight", "bias"].compactMap { index(stem: "\(name).\($0)") }
    }
    return layers + [stem]
  }
}

extension BlockPlan {
  /// The gains and biases of norms, as indices in ``parameters``.
  fileprivate var normParameters: [Int] {
    steps.flatMap { named -> [Int] in
      guard case .norm(let norm, _, _) = named.step else { return [] }
      return [norm.gain] + (norm.bias.map { [$0] } ?? [])
    }
  }
}
