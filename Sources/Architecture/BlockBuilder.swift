extension BlockPlan {
  /// Resolves a configuration to the steps of one layer, counted from 0.
  public init(_ configuration: ModelConfiguration, layer: Int) {
    var builder = BlockBuilder(configuration, layer: layer)
    var stream = builder.layerInput
    let sublayers = configuration.architecture.sublayers(layer: layer + 1, of: configuration.layerCount)
    for sublayer in sublayers { stream = builder.sublayer(sublayer, stream) }
    self = builder.plan(output: stream)
  }
}

/// Collects steps, values and parameters of a block in the order in which data passes them.
struct BlockBuilder {
  let configuration: ModelConfiguration
  let variables: Expression.Variables
  private var valueWidths: [Int]
  private var steps: [NamedStep] = []
  private var parameters: [ParameterSpec] = []
  private var statisticsCount = 0
  private var dropoutCount = 0
  private var attentionCount = 0
  private var feedForwardCount = 0

  init(_ configuration: ModelConfiguration, layer: Int) {
    self.configuration = configuration
    variables = configuration.variables(layer: layer)
    valueWidths = [configuration.modelDim]
  }

  var layerInput: Slice { Slice(value: 0, columns: 0..<configuration.modelDim) }

  func plan(output: Slice) -> BlockPlan {
    BlockPlan(
      valueWidths: valueWidths, steps: steps, output: output, parameters: parameters,
      statisticsCount: statisticsCount)
  }

  // MARK: - Sublayers

  /// Norms, branches, scales and the sum.
  mutating func sublayer(_ description: SublayerDescription, _ stream: Slice) -> Slice {
    guard case .parallel(let branches, let shared) = description else {
      let names = names(of: description)
      let branch = branch(description, names, stream)
      return join(
        [(branch, names)], stream, description.surroundings, outputNorm: names.outputNorm(description))
    }
    let allNames = branches.map { names(of: $0) }
    let input = shared.inputNorm.map { norm(allNames[0].inputNorm, $0, stream) } ?? stream
    let outputs = zip(branches, allNames).map { (branch($0, $1, input), $1) }
    return join(outputs, stream, shared, outputNorm: allNames[0].inputNorm)
  }

  private mutating func names(of description: SublayerDescription) -> SublayerNames {
    switch description {
    case .attention:
      attentionCount += 1
      return .attention(attentionCount)
    default:
      feedForwardCount += 1
      return .feedForward(feedForwardCount)
    }
  }

  /// The function with its input norm, and the branch's norm and scale.
  private mutating func branch(
    _ description: SublayerDescription, _ names: SublayerNames, _ stream: Slice
  ) -> Slice {
    let around = description.surroundings
    let input = around.inputNorm.map { norm(names.inputNorm, $0, stream) } ?? stream
    var branch =
      switch description {
      case .attention(let attention, _): self.attention(attention, names, input)
      case .feedForward(let ffn, _): feedForward(ffn, names, input)
      // A parallel's branches are no parallels: the reader has seen to it.
      case .parallel: input
      }
    if let branchNorm = around.branchNorm { branch = norm(names.branchNorm, branchNorm, branch) }
    if let branchScale = around.branchScale { branch = scale(names.branchScale, branchScale, branch) }
    return configuration.dropout > 0 ? dropout(branch) : branch
  }

  /// Adds branches to the residual stream.
  private mutating func join(
    _ branches: [(slice: Slice, names: SublayerNames)], _ stream: Slice, _ around: Surroundings,
    outputNorm: String
  ) -> Slice {
    var (sum, vector) = (stream, nil as Int?)
    switch around.residualScale {
    // Fused with the sum.
    case .vector, .profiledVector:
      vector = add(learnedScale(branches[0].names.residualScale, around.residualScale))
    case .some(let scale): sum = self.scale(branches[0].names.residualScale, scale, stream)
    case nil: break
    }
    for (slice, names) in branches {
      sum = add(sum, scale: vector, slice, name: names.sum)
      vector = nil
    }
    if around.addsLayerInput { sum = add(layerInput, scale: nil, sum, name: branches[0].names.inputSum) }
    return around.outputNorm.map { norm(outputNorm, $0, sum) } ?? sum
  }

  private mutating func add(_ residual: Slice, scale: Int?, _ branch: Slice, name: String) -> Slice {
    let to = newValue(width: configuration.modelDim)
    steps.append(NamedStep(name: name, step: .add(residual: residual, scale: scale, branch: branch, to: to)))
    return to
  }

  // MARK: - Functions

  private mutating func attention(
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

  private func parameters(_ attention: AttentionDescription) -> AttentionParameters {
    AttentionParameters(
      headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
      headDim: configuration.headDim,
      window: configuration.objective == .causal ? attention.window : nil,
      scoreScale: attention.scoreScale?.value(variables), softCap: attention.softCap)
  }

  /// Norms of those parts that have one; their outputs lie side by side.
  private mutating func normQueryKeyValue(
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

  private mutating func turn(_ rotary: RotaryDescription, _ names: SublayerNames, _ parts: [Slice]) {
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

  private mutating func feedForward(_ ffn: FFNDescription, _ names: SublayerNames, _ x: Slice) -> Slice {
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

  // MARK: - Steps

  private mutating func norm(
    _ name: String, _ description: NormDescription, _ from: Slice, to target: Slice? = nil,
    symmetry: ScoreSymmetry? = nil, role: Projection.Role? = nil
  ) -> Slice {
    let to = target ?? newValue(width: from.columns.count)
    let partCount = description.isPerHead ? from.columns.count / configuration.headDim : 1
    let specs = ParameterSpec.norm(
      name, description, width: from.columns.count / partCount, axis: axis(from, partCount))
    let indices = specs.map { add($0.marking(symmetry?.zeroGradient(of: $0.name, role))) }
    if description.kind == .dyt {
      let owned = DynamicTanhParameters(slope: indices[0], gain: indices[1], bias: indices[2])
      steps.append(NamedStep(name: name, step: .dynamicTanh(owned, from: from, to: to)))
    } else {
      let owned = NormParameters(
        kind: description.kind == .rms ? .rms : .layer, epsilon: description.epsilon, gain: indices[0],
        bias: indices.count > 1 ? indices[1] : nil, gainOffset: specs[0].multiplierOffset,
        partCount: partCount, statistics: statisticsCount)
      statisticsCount += 2 * partCount
      steps.append(NamedStep(name: name, step: .norm(owned, from: from, to: to)))
    }
    guard let factor = description.factor else { return to }
    return constantScale("\(name)_factor", factor.value(variables), to)
  }

  /// What the elements of a norm's gain run over.
  private func axis(_ slice: Slice, _ partCount: Int) -> ParameterAxis {
    if partCount > 1 || slice.columns.count == configuration.headDim { return .headElement }
    return .width(slice.columns.count, of: configuration)
  }

  private mutating func scale(_ name: String, _ scale: ScaleDescription, _ from: Slice) -> Slice {
    if case .constant(let factor) = scale { return constantScale(name, factor.value(variables), from) }
    let parameter = add(learnedScale(name, scale))
    let to = newValue(width: from.columns.count)
    steps.append(
      NamedStep(name: name, step: .headScale(.chunks, parameter: parameter, from: from, to: to)))
    return to
  }

  private func learnedScale(_ name: String, _ scale: ScaleDescription?) -> ParameterSpec {
    switch scale {
    case .scalar(let start):
      .scale(name, count: 1, axis: .single, start: start.value(variables))
    case .vector(let start):
      .scale(name, count: configuration.modelDim, axis: .modelElement, start: start.value(variables))
    case .profiledVector:
      ParameterSpec(
        name: name, shape: [configuration.modelDim], kind: .scale, initialValue: .profiled,
        axis: .modelElement)
    default: .scale(name, count: configuration.modelDim, axis: .modelElement, start: 1)
    }
  }

  private mutating func constantScale(_ name: String, _ factor: Double, _ from: Slice) -> Slice {
    guard factor != 1 else { return from }
    let to = newValue(width: from.columns.count)
    steps.append(NamedStep(name: name, step: .constantScale(factor, from: from, to: to)))
    return to
  }

  /// Matrix products of one input; where all have a bias or none has, one product whose outputs lie side by side.
  private mutating func linear(
    _ projections: [Projection], joinedName: String, _ from: Slice, keepsTogether: Bool = false
  ) -> [Slice] {
    let to = newValue(width: projections.map(\.width).reduce(0, +))
    var start = 0
    let slices = projections.map { projection in
      defer { start += projection.width }
      return Slice(value: to.value, columns: start..<start + projection.width)
    }
    if Set(projections.map(\.hasBias)).count == 1 {
      let owned = own(projections, inputWidth: from.columns.count)
      let parts = zip(projections, slices).map { NamedSlice(name: $0.name, slice: $1) }
      steps.append(
        NamedStep(
          name: projections.count == 1 ? projections[0].name : joinedName,
          step: .linear(owned, from: from, to: to), parts: projections.count == 1 ? [] : parts))
    } else {
      for (projection, slice) in zip(projections, slices) {
        let owned = own([projection], inputWidth: from.columns.count)
        steps.append(NamedStep(name: projection.name, step: .linear(owned, from: from, to: slice)))
      }
    }
    return slices
  }

  /// The parameters of projections side by side: all weights, then all biases.
  private mutating func own(_ projections: [Projection], inputWidth: Int) -> LinearParameters {
    let firstWeight = parameters.count
    for projection in projections {
      _ = add(.weight(projection, inputs: inputWidth, configuration, variables))
    }
    let firstBias = parameters.count
    for projection in projections where projection.hasBias {
      _ = add(.bias(projection, inputs: inputWidth, configuration))
    }
    return LinearParameters(
      weights: firstWeight..<firstBias, biases: firstBias..<parameters.count, inputWidth: inputWidth,
      outputWidth: projections.map(\.width).reduce(0, +))
  }

  private mutating func headScale(_ kind: HeadScaleKind, _ names: SublayerNames, _ from: Slice) -> Slice {
    let parameter = add(.scale(names.headScale, count: configuration.headCount, axis: .head, start: 1))
    let to = newValue(width: from.columns.count)
    steps.append(
      NamedStep(name: names.headScale, step: .headScale(kind, parameter: parameter, from: from, to: to)))
    return to
  }

  private mutating func dropout(_ from: Slice) -> Slice {
    let to = newValue(width: from.columns.count)
    dropoutCount += 1
    steps.append(
      NamedStep(name: "dropout_\(dropoutCount)", step: .dropout(site: dropoutCount, from: from, to: to)))
    return to
  }

  private mutating func newValue(width: Int) -> Slice {
    valueWidths.append(width)
    return Slice(value: valueWidths.count - 1, columns: 0..<width)
  }

  private mutating func add(_ spec: ParameterSpec) -> Int {
    parameters.append(spec)
    return parameters.count - 1
  }
}

extension SublayerDescription {
  /// What surrounds the function.
  public var surroundings: Surroundings {
    switch self {
    case .attention(_, let around), .feedForward(_, let around), .parallel(_, let around): around
    }
  }
}

extension Slice {
  /// Two slices of one value that touch, as one.
  fileprivate func joined(with other: Slice) -> Slice? {
    guard value == other.value, columns.upperBound == other.columns.lowerBound else { return nil }
    return Slice(value: value, columns: columns.lowerBound..<other.columns.upperBound)
  }
}
