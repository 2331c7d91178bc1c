import Architecture
import Kernels
import RunData
import Transformer

/// Reads the sums of every tensor into the columns of a run file.
struct GradientRecorder<Scalar: KernelScalar> {
  let model: Model<Scalar>
  /// Takes what an optimizer finds while it updates.
  let updateSums: UpdateSums

  init(model: Model<Scalar>) {
    self.model = model
    updateSums = UpdateSums(
      ranges: model.table.parameters.map(\.range), threadCount: model.team.threadCount)
  }

  /// The sums of every gradient, split into layers and the rest, and the L2 norm of them all.
  func measure() -> (layers: SumColumns, stem: SumColumns, l2: Double) {
    let sums = model.gradientSums()
    let (layers, stem) = columns { sums[$0] }
    return (layers, stem, sums.reduce(0) { $0 + $1.sumSquares }.squareRoot())
  }

  /// What the norms' gradients by sequence tell, beside the squares of the whole.
  ///
  /// - Parameter factor: what turns gradients as the backward pass computes them into those that are recorded.
  func measure(_ examples: ExampleNorms, factor: Double) -> ExampleNormSums {
    let squares = model.normParameters.map { indices in
      indices.reduce(0) { $0 + model.gradientSums($1).sumSquares }
    }
    // A step that is recorded because the run ends with it was not summed by sequence.
    let byExample = examples.squares.map { examples.examples > 0 ? $0 * factor * factor : .nan }
    let stem = squares.count - 1
    return ExampleNormSums(
      examples: examples.examples, exampleTokens: examples.exampleTokens,
      exampleSquares: Array(byExample[..<stem]), squares: Array(squares[..<stem]),
      stemExampleSquares: byExample[stem], stemSquares: squares[stem])
  }

  /// The sums of every tensor's weights and of what the last update changed.
  ///
  /// - Parameter isUpdated: whether the optimizer has just filled ``updateSums``; without, nothing changed.
  func measureParameters(isUpdated: Bool) -> ParameterSums {
    let weights = columns { isUpdated ? updateSums.weights($0) : model.parameterSums($0) }
    let updates = columns { isUpdated ? updateSums.updates($0) : .empty }
    return ParameterSums(
      weights: weights.layers, stemWeights: weights.stem, updates: updates.layers, stemUpdates: updates.stem)
  }

  private func columns(
    _ sums: (_ parameter: Int) -> TensorSums
  ) -> (layers: SumColumns, stem: SumColumns) {
    let table = model.table
    let columns = table.layerTensorColumns
    var layers = SumColumns(count: table.layerCount * columns.count)
    let stemIndices = table.stemIndices
    var stem = SumColumns(count: stemIndices.count)
    for (index, parameter) in table.parameters.enumerated() {
      let sums = sums(index)
      if let layer = parameter.layer {
        if let column = columns[parameter.spec.name] { layers.set(sums, at: layer * columns.count + column) }
      } else if let column = stemIndices.firstIndex(of: index) {
        stem.set(sums, at: column)
      }
    }
    return (layers, stem)
  }
}

extension ParameterTable {
  /// The column of each tensor that any layer has.
  var layerTensorColumns: [String: Int] {
    Dictionary(uniqueKeysWithValues: layerTensorNames.enumerated().map { ($1, $0) })
  }

  /// The columns of a run of this model; a layer without a tensor has none of its elements.
  public func gradientLayout(sequenceLength: Int) -> GradientLayout {
    let specs = (0..<layerCount).flatMap { layer in
      layerTensorNames.map { index(layer: layer, name: $0).map { parameters[$0].spec } }
    }
    return GradientLayout(
      layerNames: (0..<layerCount).map { "decoder.layers.\($0)" }, tensorNames: layerTensorNames,
      stemTensorNames: stemIndices.map { parameters[$0].fullName },
      elementCounts: specs.map { $0?.count ?? 0 },
      stemElementCounts: stemIndices.map { parameters[$0].spec.count },
      isZeroByConstruction: specs.map { $0?.hasZeroGradient(sequenceLength: sequenceLength) ?? false })
  }

  /// The gains and learned scales of the layers, of which a run keeps snapshots.
  public var scaleLayouts: [ScaleLayout] {
    scaleNames.compactMap { name in
      anySpec(name).map {
        ScaleLayout(
          name: ScaleLayout.name(ofTensor: name), axis: $0.scaleAxis,
          initialValue: initialValue(ofScale: name),
          isStoredMinusOne: $0.multiplierOffset != 0)
      }
    }
  }

  /// Tensors of any layer that are gains or scales.
  var scaleNames: [String] {
    layerTensorNames.filter { name in
      guard let spec = anySpec(name), spec.kind == .gain || spec.kind == .scale else { return false }
      // A gain of keys of another width than the model's lies in the model's, filled up; a wider one has no place.
      return spec.axis != .other || spec.count <= modelDim
    }
  }

  private var modelDim: Int { parameters.first?.spec.shape.last ?? 0 }

  /// Elements that a layer's scale has in a snapshot.
  func snapshotCount(_ spec: ParameterSpec) -> Int { spec.axis == .other ? modelDim : spec.count }

  /// The first layer's that has it.
  func anySpec(_ name: String) -> ParameterSpec? {
    plans.lazy.compactMap { $0.parameters.first { $0.name == name } }.first
  }

  /// What a scale multiplies with before the first update; nil where layers begin at different values.
  private func initialValue(ofScale name: String) -> Double? {
    let specs = plans.compactMap { plan in plan.parameters.first { $0.name == name } }
    let values = Set(
      specs.map { spec -> Double? in
        guard case .constant(let stored) = spec.initialValue else { return nil }
        return stored + spec.multiplierOffset
      })
    return values.count == 1 ? values.first ?? nil : nil
  }
}

extension ParameterSpec {
  fileprivate var scaleAxis: ScaleLayout.Axis {
    switch axis {
    case .head: .head
    case .ffnElement: .ffnElement
    case .headElement: .headElement
    case .single: .single
    case .modelElement, .other: .modelElement
    }
  }
}

extension Model {
  /// The values of every gain and learned scale, as they multiply; not-a-numbers where a layer has none.
  func scaleSnapshot(step: Int) -> ScaleSnapshot {
    let values = table.scaleNames.map { name -> [Float] in
      let count = table.anySpec(name).map { table.snapshotCount($0) } ?? 0
      return (0..<table.layerCount).flatMap { layer -> [Float] in
        let found =
          table.index(layer: layer, name: name).map { index -> [Float] in
            let offset = Scalar(table.parameters[index].spec.multiplierOffset)
            return parameter(index).array().map { Float($0 + offset) }
          } ?? []
        return found + Array(repeating: Float.nan, count: count - found.count)
      }
    }
    return ScaleSnapshot(step: step, values: values)
  }
}
