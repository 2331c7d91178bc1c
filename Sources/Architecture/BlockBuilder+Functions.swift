/// What branches compute: attention, feed-forward networks.
extension BlockBuilder {
  mutating func attention(
    _ attention: AttentionDescription, _ names: SublayerNames, _ x: Slice
  ) -> Slice {
    let width = configuration.headCount * configuration.headDim
    let keyWidth = configuration.keyValueHeadCount * configuration.headDim
    let symmetry = ScoreSymmetry(attention)
    var parts = linear(
      [
        (.q, width, attention.biases.contains("q")), (.k, keyWidth, attention.biases.contains("k")),
        (.v, keyWidth, attention.biases.contains("v")),
      ].map { Projection(names.projection($0), $0, width: $1, hasBias: $2, symmetry: symmetry) },
      joinedName: names.joinedProjections, x)
    normQueryKeyValue(attention, names, &parts)
    if let rotary = attention.rotary { turn(rotary, names, Array(parts[..<2])) }
    var heads = newValue(width: width)
    steps.append(
      NamedStep(
        name: names.function,
        step: .attention(
          parameters(attention), query: parts[0], key: parts[1], value: parts[2], to: heads)))
    if let headsNorm = attention.headsNorm { heads = norm(names.headsNorm, headsNorm, heads) }
    if attention.headScale == .paper { heads = headScale(.chunks, names, heads) }
    let output = linear(
      [
        Projection(
          names.projection(.out), .out, width: configuration.modelDim,
          hasBias: attention.biases.contains("out"))
      ], joinedName: "", heads)[0]
    switch attention.headScale {
    case .fairseq: return headScale(.chunks, names, output)
    case .fairseq2021: return headScale(.exchanged, names, output)
    case .paper, nil: return output
    }
  }

  func parameters(_ attention: AttentionDescription) -> AttentionParameters {
    AttentionParameters(
      headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
      headDim: configuration.headDim,
      window: configuration.objective == .causal ? attention.window : nil,
      scoreScale: attention.scoreScale?.value(variables), softCap: attention.softCap)
  }

  /// Norms of those parts that have one; their outputs lie side by side.
  mutating func normQueryKeyValue(
    _ attention: AttentionDescription, _ names: SublayerNames, _ parts: inout [Slice]
  ) {
    let norms = [attention.queryNorm, attention.keyNorm, attention.valueNorm]
    let widths = zip(norms, parts).map { $0 == nil ? 0 : $1.columns.count }
    guard widths.contains(where: { $0 > 0 }) else { return }
    let normed = newValue(width: widths.reduce(0, +))
    var start = 0
    for (index, role) in [Projection.Role.q, .k, .v].enumerated() {
      guard let description = norms[index] else { continue }
      let to = Slice(value: normed.value, columns: start..<start + widths[index])
      start += widths[index]
      parts[index] = norm(
        names.projectionNorm(role), description, parts[index], to: to, symmetry: ScoreSymmetry(attention),
        role: role)
    }
  }

  mutating func turn(_ rotary: RotaryDescription, _ names: SublayerNames, _ parts: [Slice]) {
    let half = Int((rotary.share * Double(configuration.headDim)).rounded(.down)) / 2
    guard half > 0 else { return }
    let parameters = RotaryParameters(
      headDim: configuration.headDim, rotatedWidth: 2 * half, theta: rotary.theta, pairing: rotary.pairing)
    let named = zip([Projection.Role.q, .k], parts).map { NamedSlice(name: names.rotated($0), slice: $1) }
    if let joined = parts[0].joined(with: parts[1]) {
      steps.append(NamedStep(name: names.rotation, step: .rotary(parameters, joined), parts: named))
    } else {
      for part in named {
        steps.append(NamedStep(name: part.name, step: .rotary(parameters, part.slice)))
      }
    }
  }

  mutating func feedForward(_ ffn: FFNDescription, _ names: SublayerNames, _ x: Slice) -> Slice {
    let width = configuration.ffnDim
    var projections = [
      Projection(
        names.projection(.fc1), .fc1, width: ffn.gate == .fused ? 2 * width : width,
        hasBias: ffn.biases.contains("fc1"))
    ]
    if ffn.gate == .separate {
      projections.insert(
        Projection(
          names.projection(.gate), .gate, width: width, hasBias: ffn.biases.contains("gate")), at: 0)
    }
    let parts = linear(projections, joinedName: names.joinedProjections, x, keepsTogether: true)
    let hidden = parts.count > 1 ? parts[0].joined(with: parts[1]) ?? parts[0] : parts[0]
    var activated = newValue(width: width)
    let step: Step =
      ffn.gate == .none
      ? .activation(ffn.activation, from: hidden, to: activated)
      : .gated(ffn.activation, from: hidden, to: activated)
    steps.append(NamedStep(name: names.function, step: step))
    if let innerNorm = ffn.innerNorm { activated = norm(names.innerNorm, innerNorm, activated) }
    return linear(
      [
        Projection(
          names.projection(.fc2), .fc2, width: configuration.modelDim, hasBias: ffn.biases.contains("fc2"))
      ], joinedName: "", activated)[0]
  }
}
