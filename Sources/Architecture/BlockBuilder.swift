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
  var valueWidths: [Int]
  var steps: [NamedStep] = []
  var parameters: [ParameterSpec] = []
  var statisticsCount = 0
  var dropoutCount = 0
  var attentionCount = 0
  var feedForwardCount = 0

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

  mutating func add(_ residual: Slice, scale: Int?, _ branch: Slice, name: String) -> Slice {
    let to = newValue(width: configuration.modelDim)
    steps.append(NamedStep(name: name, step: .add(residual: residual, scale: scale, branch: branch, to: to)))
    return to
  }
}
