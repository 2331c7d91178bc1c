import Kernels
import RunData
import Transformer

/// Reads the sums of every gradient into the columns of a run file.
struct GradientRecorder<Scalar: KernelScalar> {
  let model: Model<Scalar>

  /// The sums of every tensor, split into layers and the rest, and the L2 norm of them all.
  func measure() -> (layers: SumColumns, stem: SumColumns, l2: Double) {
    let table = model.table
    var layers = SumColumns(count: table.layerCount * table.layerSpecs.count)
    let stemIndices = table.stemIndices
    var stem = SumColumns(count: stemIndices.count)
    var sumSquares = 0.0
    for index in table.parameters.indices {
      let sums = model.gradientSums(index)
      sumSquares += sums.sumSquares
      if table.parameters[index].layer != nil {
        // Layers follow the embedding, tensors in table order: the grid of the run file.
        layers.set(sums, at: index - table.firstIndex(layer: 0))
      } else if let column = stemIndices.firstIndex(of: index) {
        stem.set(sums, at: column)
      }
    }
    return (layers, stem, sumSquares.squareRoot())
  }
}

extension ParameterTable {
  /// The columns of a run of this model.
  public func gradientLayout(sequenceLength: Int) -> GradientLayout {
    let counts = layerSpecs.map(\.count)
    let zeros = layerSpecs.map { $0.hasZeroGradient(sequenceLength: sequenceLength) }
    return GradientLayout(
      layerNames: (0..<layerCount).map { "decoder.layers.\($0)" }, tensorNames: layerSpecs.map(\.name),
      stemTensorNames: stemIndices.map { parameters[$0].fullName },
      elementCounts: (0..<layerCount).flatMap { _ in counts },
      stemElementCounts: stemIndices.map { parameters[$0].spec.count },
      isZeroByConstruction: (0..<layerCount).flatMap { _ in zeros })
  }

  /// The gains and learned scales of the layers, of which a run keeps snapshots.
  public var scaleLayouts: [ScaleLayout] { scaleIndices.map { layout(of: layerSpecs[$0]) } }

  /// Indices of the gains and scales in ``layerSpecs``.
  var scaleIndices: [Int] {
    layerSpecs.indices.filter { layerSpecs[$0].kind == .gain || layerSpecs[$0].kind == .scale }
  }

  private func layout(of spec: ParameterSpec) -> ScaleLayout {
    let name = spec.name.replacing("self_attn.", with: "").replacing(".weight", with: "")
    let axis: ScaleLayout.Axis =
      switch name {
      case "c_attn": .head
      case "ffn_layernorm": .ffnElement
      default: .modelElement
      }
    return ScaleLayout(name: name, axis: axis)
  }
}

extension Model {
  /// The values of every gain and learned scale.
  func scaleSnapshot(step: Int) -> ScaleSnapshot {
    let values = table.scaleIndices.map { scale in
      (0..<table.layerCount).flatMap { layer in
        parameter(table.firstIndex(layer: layer) + scale).array().map { Float($0) }
      }
    }
    return ScaleSnapshot(step: step, values: values)
  }
}
