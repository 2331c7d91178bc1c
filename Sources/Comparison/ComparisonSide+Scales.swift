import Analysis
import Checkpoints

extension ComparisonSide {
  /// The gains and learned scales of each stack of layers, those of tensors under their own names among them; none where no
  /// layer has any.
  /// - Throws: where a tensor cannot be read.
  public func scaleSources() throws -> [ScaleSource] {
    var stacks: [String] = []
    for tensor in tensors where tensor.label.layer != nil && !stacks.contains(tensor.label.stack) {
      stacks.append(tensor.label.stack)
    }
    let gains = tensors.filter {
      $0.label.layer != nil && GainName.isGain($0.label.operation, shape: $0.shape)
    }
    return try stacks.compactMap { stack in
      let own = gains.filter { $0.label.stack == stack }
      let layers = Set(tensors.filter { $0.label.stack == stack }.compactMap(\.label.layer)).sorted()
      guard !own.isEmpty else { return nil }
      return ScaleSource(
        title: title, stack: stack,
        origin: .checkpoint(layers: layers, gains: try own.map(gain)), remarks: view.notes)
    }
  }

  private func gain(_ tensor: SideTensor) throws -> ScaleSource.Gain {
    var values = [Double](repeating: 0, count: tensor.elementCount)
    try read(tensor, 0..<values.count, into: &values)
    return ScaleSource.Gain(name: tensor.label.operation, layer: tensor.label.layer ?? 0, values: values)
  }
}
