/// A layer in the words of the paper: Post-LN or Pre-LN, with its additions.
public struct PaperWiring: Equatable, Sendable {
  /// Where the norms stand.
  public var placement: NormPlacement
  /// What is added.
  public var additions: Additions
  /// The FFN's nonlinearity.
  public var activation: Activation
  /// The kind of every norm.
  public var norm: NormKind

  /// Creates a wiring.
  public init(placement: NormPlacement, additions: Additions, activation: Activation, norm: NormKind) {
    self.placement = placement
    self.additions = additions
    self.activation = activation
    self.norm = norm
  }

  /// The same in the language of architectures.
  public var description: ArchitectureDescription {
    var description = ArchitecturePreset.description(of: placement.rawValue)
    description.set(additions)
    description.set(activation)
    if norm == .rms { description.useRMSNorm() }
    return description
  }
}

extension ArchitectureDescription {
  /// Puts the paper's additions into every layer, and takes those out that are off.
  public mutating func set(_ additions: Additions) {
    edit { sublayer in
      switch sublayer {
      case .attention(var attention, var around):
        around.branchNorm = additions.scaleAttention ? NormDescription() : nil
        around.residualScale = additions.scaleResiduals == .both ? .vector(start: Expression(1)) : nil
        attention.headScale = additions.scaleHeads
        let norm = additions.normQueryKeyValue ? NormDescription() : nil
        (attention.queryNorm, attention.keyNorm, attention.valueNorm) = (norm, norm, norm)
        return .attention(attention, around)
      case .feedForward(var ffn, var around):
        ffn.innerNorm = additions.scaleFFN ? NormDescription() : nil
        around.residualScale =
          additions.scaleResiduals == .none ? nil : .vector(start: Expression(1))
        return .feedForward(ffn, around)
      case .parallel: return sublayer
      }
    }
  }

  /// Sets the nonlinearity of every FFN.
  public mutating func set(_ activation: Activation) {
    edit { sublayer in
      guard case .feedForward(var ffn, let around) = sublayer else { return sublayer }
      ffn.activation = .gelu
      ffn.gate = activation == .geglu ? .fused : .none
      return .feedForward(ffn, around)
    }
  }

  /// Makes every LayerNorm an RMSNorm.
  public mutating func useRMSNorm() {
    editNorms { norm in
      if norm.kind == .layer {
        norm.kind = .rms
        norm.hasBias = false
      }
    }
  }

  private mutating func edit(_ change: (SublayerDescription) -> SublayerDescription) {
    block = block.map(change)
    for index in exceptions.indices { exceptions[index].block = exceptions[index].block.map(change) }
  }

  private mutating func editNorms(_ change: (inout NormDescription) -> Void) {
    func changed(_ norm: NormDescription?) -> NormDescription? {
      guard var norm else { return nil }
      change(&norm)
      return norm
    }
    func changed(_ around: Surroundings) -> Surroundings {
      var around = around
      around.inputNorm = changed(around.inputNorm)
      around.branchNorm = changed(around.branchNorm)
      around.outputNorm = changed(around.outputNorm)
      return around
    }
    func changed(_ sublayer: SublayerDescription) -> SublayerDescription {
      switch sublayer {
      case .attention(var attention, let around):
        attention.queryNorm = changed(attention.queryNorm)
        attention.keyNorm = changed(attention.keyNorm)
        attention.valueNorm = changed(attention.valueNorm)
        attention.headsNorm = changed(attention.headsNorm)
        return .attention(attention, changed(around))
      case .feedForward(var ffn, let around):
        ffn.innerNorm = changed(ffn.innerNorm)
        return .feedForward(ffn, changed(around))
      case .parallel(let branches, let shared):
        return .parallel(branches.map(changed), shared: changed(shared))
      }
    }
    edit(changed)
    embedding.norm = changed(embedding.norm)
    head.norm = changed(head.norm)
  }
}
