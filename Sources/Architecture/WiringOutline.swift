/// A layer's wiring as boxes along the residual stream: what a picture of it shows, in the order in which data passes.
public struct WiringOutline: Equatable, Sendable {
  /// One thing that is done.
  public struct Box: Equatable, Sendable {
    /// What kind of thing, and so how it is coloured.
    public enum Kind: String, Sendable, CaseIterable {
      /// A norm, or what stands in its place.
      case norm
      /// A linear map.
      case projection = "linear map"
      /// A function without parameters.
      case function
      /// A learned scale.
      case scale = "learned scale"
      /// A factor that is not learned.
      case constant = "constant"
    }

    /// What kind.
    public let kind: Kind
    /// What it is, in a word or two.
    public let title: String
    /// Its tensors' name within the layer; empty where it has none.
    public let name: String

    init(_ kind: Kind, _ title: String, _ name: String = "") {
      self.kind = kind
      self.title = title
      self.name = name
    }
  }

  /// A sublayer.
  public struct Sublayer: Equatable, Sendable {
    /// Boxes of each branch; several stand side by side.
    public var branches: [[Box]]
    /// On the residual.
    public var residualScale: Box?
    /// Whether the layer's own input is added, too.
    public var addsLayerInput = false
    /// On the sum.
    public var outputNorm: Box?
  }

  /// The sublayers, in order.
  public let sublayers: [Sublayer]
}

/// Layers that are wired alike.
public struct OutlinedLayers: Equatable, Sendable {
  /// Their numbers, from 0, ascending.
  public var layers: [Int]
  /// Their wiring.
  public let outline: WiringOutline
}

extension ArchitectureDescription {
  /// Every wiring that layers of a model have, in the order in which data first passes one.
  public func outlines(layerCount: Int) -> [OutlinedLayers] {
    var found: [OutlinedLayers] = []
    for layer in 0..<layerCount {
      let outline = WiringOutline(sublayers(layer: layer + 1, of: layerCount))
      if let index = found.firstIndex(where: { $0.outline == outline }) {
        found[index].layers.append(layer)
      } else {
        found.append(OutlinedLayers(layers: [layer], outline: outline))
      }
    }
    return found
  }

  /// What stands before the layers.
  public var embeddingOutline: [WiringOutline.Box] {
    var boxes = [WiringOutline.Box(.projection, "token embedding", StemTensor.embedding)]
    if !embedding.scale.isOne { boxes.append(.init(.constant, "× \(embedding.scale.text)")) }
    switch embedding.positions {
    case .sinusoidal: boxes.append(.init(.function, "+ sinusoidal positions"))
    case .learned: boxes.append(.init(.projection, "+ learned positions", StemTensor.positions))
    case .none: break
    }
    if let norm = embedding.norm { boxes += norm.boxes(StemTensor.embeddingNorm) }
    return boxes
  }

  /// What stands after the layers.
  public var headOutline: [WiringOutline.Box] {
    var boxes = head.norm.map { $0.boxes(StemTensor.finalNorm) } ?? []
    boxes.append(
      .init(
        .projection, head.isTied ? "head, tied" : "head",
        head.isTied ? StemTensor.embedding : StemTensor.head))
    if let multiplier = head.multiplier { boxes.append(.init(.constant, "× \(multiplier.text)")) }
    if let softCap = head.softCap { boxes.append(.init(.function, "soft cap \(softCap.brief)")) }
    return boxes
  }
}

extension WiringOutline {
  init(_ descriptions: [SublayerDescription]) {
    var (attention, feedForward) = (0, 0)
    func names(_ description: SublayerDescription) -> SublayerNames {
      if case .attention = description {
        attention += 1
        return .attention(attention)
      }
      feedForward += 1
      return .feedForward(feedForward)
    }
    sublayers = descriptions.map { description in
      guard case .parallel(let branches, let shared) = description else {
        let own = names(description)
        return Sublayer(
          [Self.branch(description, own)], description.surroundings, own,
          outputNorm: own.outputNorm(description))
      }
      let all = branches.map(names)
      let norm = shared.inputNorm?.boxes(all[0].inputNorm, note: branches.count > 1 ? "shared" : nil) ?? []
      return Sublayer(
        zip(branches, all).map { norm + Self.branch($0, $1) }, shared, all[0], outputNorm: all[0].inputNorm)
    }
  }

  /// A branch with its norms and scale.
  private static func branch(_ description: SublayerDescription, _ names: SublayerNames) -> [Box] {
    let around = description.surroundings
    var boxes = around.inputNorm?.boxes(names.inputNorm) ?? []
    switch description {
    case .attention(let attention, _): boxes += attention.boxes(names)
    case .feedForward(let ffn, _): boxes += ffn.boxes(names)
    case .parallel: break
    }
    boxes += around.branchNorm?.boxes(names.branchNorm) ?? []
    if let scale = around.branchScale { boxes.append(scale.box(names.branchScale)) }
    return boxes
  }
}

extension WiringOutline.Sublayer {
  fileprivate init(
    _ branches: [[WiringOutline.Box]], _ around: Surroundings, _ names: SublayerNames, outputNorm: String
  ) {
    self.branches = branches
    residualScale = around.residualScale?.box(names.residualScale)
    addsLayerInput = around.addsLayerInput
    self.outputNorm = around.outputNorm?.boxes(outputNorm).first
  }
}

extension NormDescription {
  /// The norm, and the factor behind it.
  fileprivate func boxes(_ name: String, of what: String = "", note: String? = nil) -> [WiringOutline.Box] {
    let words = [what.isEmpty ? nil : "of \(what)", isPerHead ? "by head" : nil, note].compactMap { $0 }
    let title = [kind.title + (words.isEmpty ? "" : " \(words[0])")] + words.dropFirst()
    var boxes = [WiringOutline.Box(.norm, title.joined(separator: ", "), name)]
    if let factor { boxes.append(.init(.constant, "× \(factor.text)")) }
    return boxes
  }
}

extension NormDescription.Kind {
  /// As papers write it.
  fileprivate var title: String {
    switch self {
    case .layer: "LayerNorm"
    case .rms: "RMSNorm"
    case .dyt: "DyT"
    }
  }
}

extension ScaleDescription {
  fileprivate func box(_ name: String) -> WiringOutline.Box {
    switch self {
    case .constant(let factor): .init(.constant, "× \(factor.text)")
    case .scalar(let start): .init(.scale, "× learned number, from \(start.text)", name)
    case .vector(let start): .init(.scale, "× learned vector, from \(start.text)", name)
    case .profiledVector: .init(.scale, "× learned vector, from a pass", name)
    }
  }
}

extension AttentionDescription {
  fileprivate func boxes(_ names: SublayerNames) -> [WiringOutline.Box] {
    var boxes = [WiringOutline.Box(.projection, "queries, keys, values", "self_attn.{q,k,v}_proj")]
    let norms = [(queryNorm, Projection.Role.q), (keyNorm, .k), (valueNorm, .v)]
    if let queryNorm, queryNorm == keyNorm {
      let all = valueNorm == queryNorm
      boxes += queryNorm.boxes(
        "self_attn.{\(all ? "q,k,v" : "q,k")}_layer_norm", of: all ? "q, k, v" : "q, k")
    } else {
      for (norm, role) in norms {
        boxes += norm?.boxes(names.projectionNorm(role), of: role.rawValue) ?? []
      }
    }
    if let rotary { boxes.append(.init(.function, rotary.title)) }
    boxes.append(.init(.function, title))
    boxes += headsNorm?.boxes(names.headsNorm) ?? []
    if headScale == .paper { boxes.append(.init(.scale, "HeadScale γ", names.headScale)) }
    boxes.append(.init(.projection, "output", names.projection(.out)))
    if let headScale, headScale != .paper {
      boxes.append(.init(.scale, "HeadScale γ, chunks", names.headScale))
    }
    return boxes
  }

  private var title: String {
    var words = ["attention"]
    if let window { words.append("window \(window)") }
    if let scoreScale { words.append("scores × \(scoreScale.text)") }
    if let softCap { words.append("soft cap \(softCap.brief)") }
    return words.joined(separator: ", ")
  }
}

extension RotaryDescription {
  fileprivate var title: String {
    let part = share == 1 ? "" : ", \(share.brief) of a head"
    return "rotary, θ \(theta.brief)\(part)\(pairing == .pairs ? ", pairs" : "")"
  }
}

extension FFNDescription {
  fileprivate func boxes(_ names: SublayerNames) -> [WiringOutline.Box] {
    let fc1 = names.projection(.fc1)
    var boxes: [WiringOutline.Box] =
      switch gate {
      case .none: [.init(.projection, "into FFN", fc1), .init(.function, activation.title)]
      case .separate:
        [
          .init(.projection, "gate, into FFN", "\(names.projection(.gate)), \(fc1)"),
          .init(.function, "\(activation.title)(gate) × fc1"),
        ]
      case .fused:
        [.init(.projection, "gate, into FFN", fc1), .init(.function, "\(activation.title)(gate) × rest")]
      }
    boxes += innerNorm?.boxes(names.innerNorm) ?? []
    boxes.append(.init(.projection, "out of FFN", names.projection(.fc2)))
    return boxes
  }
}

extension ActivationFunction {
  /// As papers write it.
  fileprivate var title: String {
    switch self {
    case .gelu: "GELU"
    case .tanhGelu: "GELU (tanh)"
    case .relu: "ReLU"
    case .silu: "SiLU"
    }
  }
}

extension Double {
  /// Without a fraction where there is none.
  fileprivate var brief: String { Int(exactly: self).map { "\($0)" } ?? "\(self)" }
}
