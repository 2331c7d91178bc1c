extension NormDescription {
  /// A kind with what is usual for it.
  init(_ kind: Kind) {
    self.init()
    self.kind = kind
    hasBias = kind != .rms
  }
}

extension EmbeddingDescription {
  private enum Key: String, CaseIterable { case scale, positions, norm }

  init(_ node: ArchitectureNode, norm: NormDescription) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    if let scale = keys[.scale] { self.scale = try scale.expression() }
    self.norm = try keys[.norm]?.norm(default: norm, canBePerHead: false)
    guard let positions = keys[.positions] else { return }
    switch positions.text {
    case "sinusoidal": self.positions = .sinusoidal
    case "learned": self.positions = .learned(offset: 0)
    case "none", "no", "false": self.positions = .none
    case "":
      let offset = try positions.mapping(OffsetKey.self)[.learnedFrom]?.integer(0...1_000_000)
      self.positions = .learned(offset: offset ?? 0)
    default:
      throw positions.error(
        "\"positions\" is sinusoidal, learned, none, or {learned-from: ROW}, not \"\(positions.text)\"")
    }
  }

  private enum OffsetKey: String, CaseIterable { case learnedFrom = "learned-from" }
}

extension HeadDescription {
  private enum Key: String, CaseIterable {
    case norm, tied, bias, multiplier
    case softCap = "soft-cap"
  }

  init(_ node: ArchitectureNode, norm: NormDescription) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    self.norm = try keys[.norm]?.norm(default: norm, canBePerHead: false)
    isTied = try keys[.tied]?.flag() ?? true
    hasBias = try keys[.bias]?.flag() ?? false
    if hasBias, isTied, let bias = keys[.bias] {
      throw bias.error("a tied head has no bias; say \"tied: no\"")
    }
    softCap = try keys[.softCap]?.positive()
    multiplier = try keys[.multiplier]?.expression()
  }
}

extension InitialDescription {
  private enum Key: String, CaseIterable { case scheme, gains }

  init(_ node: ArchitectureNode) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    scheme = try keys[.scheme]?.choice(Initialization.self)
    guard let gains = keys[.gains] else { return }
    try gains.checkKeys(Self.projections.sorted())
    for projection in Self.projections {
      self.gains[projection] = try gains.child(projection)?.expression()
    }
  }
}

extension SizeDescription {
  private enum Key: String, CaseIterable {
    case keyValueHeads = "kv-heads"
    case headDim = "head-dim"
    case ffnDim = "ffn-dim"
  }

  init(_ node: ArchitectureNode) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    keyValueHeadCount = try keys[.keyValueHeads]?.expression()
    headDim = try keys[.headDim]?.expression()
    ffnDim = try keys[.ffnDim]?.expression()
  }
}
