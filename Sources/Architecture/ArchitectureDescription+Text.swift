extension ArchitectureDescription {
  /// The description in the language itself, everything said and nothing left to defaults: two descriptions of the same
  /// wiring have the same text, whatever their words for it were.
  public var resolvedText: String {
    var lines = ["architecture: \(Self.languageVersion)", "embedding: \(embedding.text)", "block:"]
    lines += block.map { "  - \($0.text)" }
    if !exceptions.isEmpty {
      lines.append("exceptions:")
      for exception in exceptions {
        lines.append("  - layers: \(exception.layers.text)")
        lines.append("    block:")
        lines += exception.block.map { "      - \($0.text)" }
      }
    }
    lines.append("head: \(head.text)")
    let initial = initial.text
    if initial != "{}" { lines.append("initial: \(initial)") }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Keys and values in braces; those that are nil are left out.
private func braces(_ pairs: [(String, String?)]) -> String {
  "{" + pairs.compactMap { key, value in value.map { "\(key): \($0)" } }.joined(separator: ", ") + "}"
}

private func yesNo(_ flag: Bool) -> String { flag ? "yes" : "no" }

extension NormDescription {
  fileprivate var text: String {
    braces([
      ("kind", kind.rawValue), ("epsilon", kind == .dyt ? nil : "\(epsilon)"),
      ("bias", kind == .dyt ? nil : yesNo(hasBias)), ("per", isPerHead ? "head" : nil),
      ("gain", isGainStoredMinusOne ? "minus-one" : nil), ("factor", factor?.quoted),
      ("slope", kind == .dyt ? "\(slope)" : nil),
    ])
  }
}

extension Expression {
  /// Quoted: an expression may begin or end with what YAML reads otherwise.
  fileprivate var quoted: String { "\"\(text)\"" }
}

extension ScaleDescription {
  fileprivate var text: String {
    switch self {
    case .constant(let value): value.quoted
    case .scalar(let start): braces([("learned", "scalar"), ("from", start.quoted)])
    case .vector(let start): braces([("learned", "vector"), ("from", start.quoted)])
    case .profiledVector: braces([("learned", "vector"), ("from", "profile")])
    }
  }
}

extension Surroundings {
  fileprivate var pairs: [(String, String?)] {
    [
      ("input-norm", inputNorm?.text), ("branch-norm", branchNorm?.text), ("output-norm", outputNorm?.text),
      ("branch-scale", branchScale?.text), ("residual-scale", residualScale?.text),
      ("add-input", addsLayerInput ? "yes" : nil),
    ]
  }
}

extension SublayerDescription {
  fileprivate var text: String {
    switch self {
    case .attention(let attention, let around): "attention: " + braces(around.pairs + attention.pairs)
    case .feedForward(let ffn, let around): "ffn: " + braces(around.pairs + ffn.pairs)
    case .parallel(let branches, let shared):
      "parallel: "
        + braces(shared.pairs + [("of", "[" + branches.map { "{\($0.text)}" }.joined(separator: ", ") + "]")])
    }
  }
}

extension AttentionDescription {
  fileprivate var pairs: [(String, String?)] {
    [
      ("q-norm", queryNorm?.text), ("k-norm", keyNorm?.text), ("v-norm", valueNorm?.text),
      ("heads-norm", headsNorm?.text), ("head-scale", headScale?.rawValue), ("rotary", rotary?.text),
      ("window", window.map(String.init)), ("scale", scoreScale?.quoted),
      ("soft-cap", softCap.map { "\($0)" }),
      ("biases", "[" + biases.sorted().joined(separator: ", ") + "]"),
    ]
  }
}

extension RotaryDescription {
  fileprivate var text: String {
    braces([("theta", "\(theta)"), ("share", "\(share)"), ("pairing", pairing.rawValue)])
  }
}

extension FFNDescription {
  fileprivate var pairs: [(String, String?)] {
    [
      ("inner-norm", innerNorm?.text), ("activation", activation.rawValue), ("gated", gate.rawValue),
      ("biases", "[" + biases.sorted().joined(separator: ", ") + "]"),
    ]
  }
}

extension LayerException.Layers {
  fileprivate var text: String {
    switch self {
    case .first(let count): "first \(count.text)"
    case .last(let count): "last \(count.text)"
    case .every(let interval): "every \(interval)"
    case .numbers(let numbers): "[" + numbers.sorted().map(String.init).joined(separator: ", ") + "]"
    }
  }
}

extension EmbeddingDescription {
  fileprivate var text: String {
    let positions =
      switch self.positions {
      case .sinusoidal: "sinusoidal"
      case .learned(let offset): braces([("learned-from", "\(offset)")])
      case .none: "none"
      }
    return braces([("scale", scale.quoted), ("positions", positions), ("norm", norm?.text)])
  }
}

extension HeadDescription {
  fileprivate var text: String {
    braces([
      ("norm", norm?.text), ("tied", yesNo(isTied)), ("bias", hasBias ? "yes" : nil),
      ("soft-cap", softCap.map { "\($0)" }), ("multiplier", multiplier?.quoted),
    ])
  }
}

extension InitialDescription {
  fileprivate var text: String {
    let gains = gains.sorted { $0.key < $1.key }.map { ($0.key, Optional($0.value.quoted)) }
    return braces([("scheme", scheme?.rawValue), ("gains", gains.isEmpty ? nil : braces(gains))])
  }
}
