import Documents

extension StartReport {
  /// One row an architecture: what theory says a number of, beside the number.
  public var table: Table {
    var table = Table(
      title: "Gradients and hidden states at initialisation",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("exponent", title: "depth exponent", kind: .estimate(.decimals(2))),
        Table.Column("theory", title: "theory", kind: .text),
        Table.Column("late_early", title: "late/early", kind: .estimate(.significant(3))),
        Table.Column("growth", title: "growth of |x|²/d", kind: .estimate(.decimals(2))),
        Table.Column("growth_theory", title: "theory", kind: .text),
        Table.Column("unbounded", title: "δ at ε = 0.1", kind: .estimate(.significant(2))),
      ], notes: notes)
    for label in labels {
      guard let deepest = deepest(label) else { continue }
      let theory = Theory(label)
      table.append([
        .text(label), .defined(depthExponent(label)), .text(theory?.exponent ?? "-"),
        .defined(lateOverEarly(label, tensor)), .defined(growth(label)), .text(theory?.growth ?? "-"),
        .defined(unboundedShare(deepest, layer: deepest.depth)),
      ])
    }
    return table
  }

  /// One row an architecture, depth and layer: norms of the mean gradient and size of the stream that enters the layer.
  public var layerTable: Table {
    var table = Table(
      title: "Gradients and hidden states at initialisation, layer by layer",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("depth", title: "depth", kind: .integer),
        Table.Column("layer", title: "layer", kind: .integer),
        Table.Column("gradient_\(key(otherTensor))", title: otherTensor, kind: .estimate(.significant(3))),
        Table.Column("gradient_\(key(tensor))", title: tensor, kind: .estimate(.significant(3))),
        Table.Column("stream", title: "|x|²/d", kind: .estimate(.significant(3))),
        Table.Column("unbounded", title: "δ at ε = 0.1", kind: .estimate(.significant(2))),
      ], notes: notes)
    for entry in entries {
      for layer in 0...entry.depth {
        let isLayer = layer < entry.depth
        table.append([
          .text(entry.label), .integer(entry.depth), .integer(layer),
          isLayer ? .defined(gradientNorm(entry, otherTensor, layer: layer)) : .missing,
          isLayer ? .defined(gradientNorm(entry, tensor, layer: layer)) : .missing,
          .defined(streamSize(entry, layer: layer)), .defined(unboundedShare(entry, layer: layer)),
        ])
      }
    }
    return table
  }

  /// What Xiong et al. derive for an architecture; nil for others.
  struct Theory {
    let exponent: String
    let growth: String

    init?(_ label: String) {
      switch label {
      case "Post-LN": (exponent, growth) = ("0", "0")
      case "Pre-LN": (exponent, growth) = ("-0.5", "0.5 to 1.5")
      default: return nil
      }
    }
  }

  var notes: [String] {
    [
      "Setting: \(setting). Frobenius norm of the mean gradient over \(batchCount) batches; geometric mean over "
        + "\(seedCount) seeds"
        + (seedCount >= 3 ? ", 95 % interval by Student's t." : "; intervals need three seeds."),
      "depth exponent: p of |gradient of the last layer's \(tensor)| ∝ depth^p. late/early: last over first layer, deepest model.",
      "Theory: Xiong et al. 2020, Theorem 1 (upper bounds, so their exponents) and Lemma 2; for one head, uniform attention,"
        + " ReLU, square FFN weights.",
      "δ: share of positions whose |x|² after the last layer is over 1.1 times the mean; they report 0.125 at most.",
    ]
  }

  private func key(_ tensor: String) -> String { String(tensor.map { $0 == "." ? "_" : $0 }) }

}
