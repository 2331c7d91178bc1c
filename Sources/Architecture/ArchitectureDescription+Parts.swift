extension ArchitectureDescription {
  /// The same placement of norms and scales, made of another architecture's parts: what its norms are, where its positions come in, its
  /// attention's constants and biases, its FFN, how embeddings and head are scaled and tied, its initial scheme and sizes.
  ///
  /// Where norms and scales stand, what norms are on queries, keys, values and heads, constants of depth and gains of initial weights stay
  /// as they are; so does a DyT in a norm's place. A gate, which the placement knows nothing of, starts with the gain of `fc1`.
  /// - Throws: ``ArchitectureError``, where the other's layers differ, so that there is no one part to take.
  public func withParts(of other: ArchitectureDescription) throws(ArchitectureError)
    -> ArchitectureDescription
  {
    guard other.exceptions.isEmpty, let parts = Parts(of: other) else {
      throw ArchitectureError(
        description:
          "the layers of \(other.name) differ, or lack attention or FFN; there is no one part to take from each"
      )
    }
    var result = self
    result.block = block.map(parts.applied)
    result.exceptions = exceptions.map {
      LayerException(layers: $0.layers, block: $0.block.map(parts.applied))
    }
    result.embedding = other.embedding
    result.embedding.norm = embedding.norm.map(parts.applied)
    result.head = other.head
    result.head.norm = head.norm.map(parts.applied)
    result.initial.scheme = other.initial.scheme
    if parts.ffn.gate != .none {
      result.initial.gains["gate"] = initial.gains["gate"] ?? initial.gains["fc1"]
    }
    result.sizes = other.sizes
    result.title = "\(title), made of \(other.title)'s parts"
    result.text = result.resolvedText
    return result
  }
}

/// What is taken from an architecture whose layers are all alike.
private struct Parts {
  let norm: NormDescription
  let attention: AttentionDescription
  let ffn: FFNDescription

  /// Nil without an attention and an FFN in a layer.
  init?(of description: ArchitectureDescription) {
    let sublayers = description.block.flatMap { sublayer in
      if case .parallel(let branches, _) = sublayer { branches } else { [sublayer] }
    }
    let attentions = sublayers.compactMap { sublayer -> AttentionDescription? in
      if case .attention(let attention, _) = sublayer { attention } else { nil }
    }
    let ffns = sublayers.compactMap { sublayer -> FFNDescription? in
      if case .feedForward(let ffn, _) = sublayer { ffn } else { nil }
    }
    guard let attention = attentions.first, let ffn = ffns.first else { return nil }
    (self.attention, self.ffn) = (attention, ffn)
    let around = (description.block + sublayers).map(\.surroundings)
    norm =
      description.head.norm ?? around.lazy.compactMap { $0.inputNorm ?? $0.outputNorm ?? $0.branchNorm }.first
      ?? NormDescription()
  }

  func applied(_ old: NormDescription) -> NormDescription {
    guard old.kind != .dyt else { return old }
    var new = norm
    (new.isPerHead, new.factor) = (old.isPerHead, old.factor)
    return new
  }

  func applied(_ sublayer: SublayerDescription) -> SublayerDescription {
    switch sublayer {
    case .attention(let old, let around): .attention(applied(old), applied(around))
    case .feedForward(let old, let around): .feedForward(applied(old), applied(around))
    case .parallel(let branches, let shared): .parallel(branches.map(applied), shared: applied(shared))
    }
  }

  private func applied(_ old: Surroundings) -> Surroundings {
    var new = old
    new.inputNorm = old.inputNorm.map(applied)
    new.branchNorm = old.branchNorm.map(applied)
    new.outputNorm = old.outputNorm.map(applied)
    return new
  }

  private func applied(_ old: AttentionDescription) -> AttentionDescription {
    var new = attention
    new.queryNorm = old.queryNorm.map(applied)
    new.keyNorm = old.keyNorm.map(applied)
    new.valueNorm = old.valueNorm.map(applied)
    new.headsNorm = old.headsNorm.map(applied)
    new.headScale = old.headScale
    return new
  }

  private func applied(_ old: FFNDescription) -> FFNDescription {
    var new = ffn
    new.innerNorm = old.innerNorm.map(applied)
    return new
  }
}
