import RunData

/// A run whose every number follows from its row, so that a reader can tell what it should find.
public struct SampleRun: Sendable {
  /// What is known of it before the first step.
  public var manifest: RunManifest

  /// Makes a run.
  public init(
    layers: Int = 3, tensors: Int = 4, stem: Int = 2, operations: Int = 0, stemOperations: Int = 0,
    hasLossScale: Bool = false, hasParameters: Bool = false, hasNoise: Bool = false,
    evaluations: Int = 0, modelDim: Int = 6
  ) {
    let cells = layers * tensors
    let gradients = GradientLayout(
      layerNames: (0..<layers).map { "decoder.layers.\($0)" },
      tensorNames: (0..<tensors).map { "tensor\($0).weight" },
      stemTensorNames: (0..<stem).map { "decoder.stem\($0)" },
      // The last tensor is missing in layer 0.
      elementCounts: (0..<cells).map { $0 == tensors - 1 ? 0 : 10 + $0 },
      stemElementCounts: (0..<stem).map { 100 + $0 },
      isZeroByConstruction: (0..<cells).map { $0 % tensors == 1 },
      stemIsZeroByConstruction: (0..<stem).map { $0 == 1 })
    manifest = RunManifest(
      runID: "0123456789abcdef", architecture: "normformer", configurationJSON: #"{"name":"γ and λ"}"#,
      contract: .ours(objective: "causal"), seed: .max - 6,
      corpus: CorpusFacts(
        name: "built-in language", sha256: String(repeating: "ab", count: 32), tokenCount: nil,
        vocabularySize: 512, unigramEntropy: 5.25, entropyRate: 2.125),
      machine: MachineFacts(program: "nf-probe test", cpu: "a CPU", blas: "a BLAS", threads: 2),
      gradients: gradients,
      scales: [
        ScaleLayout(name: "ffn_layernorm", axis: .ffnElement), ScaleLayout(name: "c_attn", axis: .head),
        ScaleLayout(name: "w_resid", axis: .modelElement),
      ],
      operationNames: (0..<operations).map { "operation\($0)" },
      stemOperationNames: (0..<stemOperations).map { "decoder.operation\($0)" }, hasLossScale: hasLossScale,
      hasWeights: hasParameters, hasUpdates: hasParameters, hasNoise: hasNoise, modelDim: modelDim,
      ffnDim: 4 * modelDim, headCount: 2,
      evaluations: (0..<evaluations).map { index in
        // Texts and tasks in turn.
        EvaluationLayout(
          name: "evaluated \(index)", tokenCount: 100 + index, wordCount: index % 2 == 0 ? 20 : 0,
          byteCount: 90, exampleCount: index % 2 == 0 ? 0 : 8)
      }, startedAt: "2026-01-02T03:04:05Z")
  }

  /// The record of one step.
  public func record(_ step: Int) -> StepRecord {
    let grid = manifest.gradients.elementCounts.count
    let activations = manifest.gradients.layerCount * manifest.operationNames.count
    let stemActivations = manifest.stemOperationNames.count
    return StepRecord(
      step: step, loss: 6 - Double(step) / 1024, learningRate: 1e-3 * Double(step % 7), gradientL2: 0.5,
      clipCoefficient: step % 2 == 0 ? 1 : 0.25, tokens: 512 + step, seconds: 0.0625,
      gradients: sums(grid, step, 0), stemGradients: sums(manifest.gradients.stemTensorNames.count, step, 1),
      activations: activations == 0 ? nil : sums(activations, step, 2),
      activationGradients: activations == 0 ? nil : sums(activations, step, 3),
      stemActivations: stemActivations == 0 ? nil : sums(stemActivations, step, 4),
      stemActivationGradients: stemActivations == 0 ? nil : sums(stemActivations, step, 5),
      lossScale: manifest.hasLossScale ? 128 / Double(1 + step) : nil,
      parameters: manifest.hasWeights ? parameters(step) : nil)
  }

  private func parameters(_ step: Int) -> ParameterSums {
    let stem = manifest.gradients.stemTensorNames.count
    let grid = manifest.gradients.elementCounts.count
    return ParameterSums(
      weights: sums(grid, step, 6), stemWeights: sums(stem, step, 7), updates: sums(grid, step, 8),
      stemUpdates: sums(stem, step, 9))
  }

  /// What a step tells of noise.
  public func noise(_ step: Int) -> NoiseRecord {
    func values(_ count: Int, _ kind: Int) -> [Double] { (0..<count).map { Self.value(step, kind, $0) } }
    let (grid, stem) = (manifest.gradients.elementCounts.count, manifest.gradients.stemTensorNames.count)
    return NoiseRecord(
      step: step, parts: 4, partTokens: 128, tokens: 512, partSquares: values(grid, 10),
      stemPartSquares: values(stem, 11), squares: values(grid, 12), stemSquares: values(stem, 13))
  }

  /// What the model is evaluated to after `step` updates.
  public func evaluation(_ step: Int) -> EvaluationRecord {
    EvaluationRecord(
      step: step, losses: manifest.evaluations.indices.map { Self.value(step, 14, $0) },
      accuracies: manifest.evaluations.map { $0.isTask ? Double(step % 8) / 8 : .nan })
  }

  /// The scales after `step` updates; layer 0 lacks `c_attn`.
  public func snapshot(_ step: Int) -> ScaleSnapshot {
    ScaleSnapshot(
      step: step,
      values: manifest.scales.enumerated().map { index, scale in
        let width =
          switch scale.axis {
          case .modelElement: manifest.modelDim
          case .ffnElement: manifest.ffnDim
          case .head: manifest.headCount
          case .headElement: manifest.headDim
          case .single: 1
          }
        return (0..<manifest.gradients.layerCount * width).map { cell in
          index == 1 && cell < width ? .nan : Float(1 + step) + Float(cell) / 64
        }
      })
  }

  /// `value(step, kind, cell)`, also computed by `check_run.py`.
  public static func value(_ step: Int, _ kind: Int, _ cell: Int) -> Double {
    Double(step * 1000 + kind * 100 + cell) / 128
  }

  private func sums(_ count: Int, _ step: Int, _ kind: Int) -> SumColumns {
    var sums = SumColumns(count: count)
    for cell in 0..<count {
      let value = Self.value(step, kind, cell)
      sums.l1[cell] = value
      sums.sumSquares[cell] = value * value
      sums.maxAbs[cell] = value / 4
      sums.zeros[cell] = step + cell
      sums.nonfinite[cell] = (step + kind) % 3
    }
    return sums
  }
}
