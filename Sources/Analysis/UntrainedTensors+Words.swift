import RunData

extension DeadExperts {
  /// `layer 0: 3; layer 2: 1, 5`: the experts of each layer.
  public static func list(_ found: [DeadExperts]) -> String {
    found.map { "layer \($0.layer): \($0.experts.map(String.init).joined(separator: ", "))" }
      .joined(separator: "; ")
  }
}

extension UntrainedTensors {
  /// Groups that are listed one by one; of more, as of layers that are skipped at random, the rest is taken together.
  private static let mostGroups = 4

  /// What does not train when, each a sentence without its full stop: `layers 0-2: not trained from step 5 on`.
  public static func sentences(_ groups: [UntrainedTensors], of layout: GradientLayout) -> [String] {
    let isFew = groups.count <= mostGroups
    let apart = groups.filter { isFew || !$0.gaps.isScattered }.prefix(mostGroups)
    var result = apart.map { "\($0.names(in: layout)): \($0.gaps)" }
    let rest = groups.filter { group in !apart.contains(group) }
    guard !rest.isEmpty else { return result }
    let together = UntrainedTensors(
      gaps: TrainingGaps(), cells: rest.flatMap(\.cells).sorted(), stemTensors: rest.flatMap(\.stemTensors))
    let counts = rest.map(\.gaps.stepCount)
    let least = counts.min() ?? 0
    let most = counts.max() ?? 0
    result.append(
      "\(together.names(in: layout)): not trained at \(least == most ? "\(least)" : "\(least) to \(most)") of"
        + " \(rest[0].gaps.recordCount) recorded steps")
    return result
  }

  /// `layers 0-2`, `fc1.weight in layers 3, 4`, `decoder.embed_tokens.weight`: a layer by itself stands for all of its tensors.
  private func names(in layout: GradientLayout) -> String {
    let own = Set(cells)
    func tensors(of layer: Int) -> [Int] {
      layout.tensorNames.indices.map { layout.index(layer: layer, tensor: $0) }
        .filter { layout.elementCounts[$0] > 0 }
    }
    let whole = (0..<layout.layerCount).filter { layer in
      let there = tensors(of: layer)
      return !there.isEmpty && there.allSatisfy(own.contains)
    }
    var parts = whole.isEmpty ? [] : [layerList(whole)]
    for (tensor, name) in layout.tensorNames.enumerated() {
      let layers = (0..<layout.layerCount).filter {
        !whole.contains($0) && own.contains(layout.index(layer: $0, tensor: tensor))
      }
      if !layers.isEmpty { parts.append("\(name) in \(layerList(layers))") }
    }
    return (parts + stemTensors).joined(separator: ", ")
  }
}
