/// Single steps, and the values and parameters that they add to the plan.
extension BlockBuilder {
  mutating func norm(
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
  func axis(_ slice: Slice, _ partCount: Int) -> ParameterAxis {
    if partCount > 1 || slice.columns.count == configuration.headDim { return .headElement }
    return .width(slice.columns.count, of: configuration)
  }

  mutating func scale(_ name: String, _ scale: ScaleDescription, _ from: Slice) -> Slice {
    if case .constant(let factor) = scale { return constantScale(name, factor.value(variables), from) }
    let parameter = add(learnedScale(name, scale))
    let to = newValue(width: from.columns.count)
    steps.append(
      NamedStep(name: name, step: .headScale(.chunks, parameter: parameter, from: from, to: to)))
    return to
  }

  func learnedScale(_ name: String, _ scale: ScaleDescription?) -> ParameterSpec {
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

  mutating func constantScale(_ name: String, _ factor: Double, _ from: Slice) -> Slice {
    guard factor != 1 else { return from }
    let to = newValue(width: from.columns.count)
    steps.append(NamedStep(name: name, step: .constantScale(factor, from: from, to: to)))
    return to
  }

  /// Matrix products of one input; where all have a bias or none has, one product whose outputs lie side by side.
  mutating func linear(
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
  mutating func own(_ projections: [Projection], inputWidth: Int) -> LinearParameters {
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

  mutating func headScale(_ kind: HeadScaleKind, _ names: SublayerNames, _ from: Slice) -> Slice {
    let parameter = add(.scale(names.headScale, count: configuration.headCount, axis: .head, start: 1))
    let to = newValue(width: from.columns.count)
    steps.append(
      NamedStep(name: names.headScale, step: .headScale(kind, parameter: parameter, from: from, to: to)))
    return to
  }

  mutating func dropout(_ from: Slice) -> Slice {
    let to = newValue(width: from.columns.count)
    dropoutCount += 1
    steps.append(
      NamedStep(name: "dropout_\(dropoutCount)", step: .dropout(site: dropoutCount, from: from, to: to)))
    return to
  }

  mutating func newValue(width: Int) -> Slice {
    valueWidths.append(width)
    return Slice(value: valueWidths.count - 1, columns: 0..<width)
  }

  mutating func add(_ spec: ParameterSpec) -> Int {
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
  func joined(with other: Slice) -> Slice? {
    guard value == other.value, columns.upperBound == other.columns.lowerBound else { return nil }
    return Slice(value: value, columns: columns.lowerBound..<other.columns.upperBound)
  }
}
