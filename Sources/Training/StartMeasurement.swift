import Architecture
import Corpus
import Kernels
import RunData
import Transformer

extension Model {
  /// Measures gradients and hidden states at the values that the model has, over some batches; nothing is updated. Values that await a pass
  /// get it first, from the first batch.
  ///
  /// - Parameters:
  ///   - sampler: of the model's batch shape; its first `batches` steps are read.
  ///   - tensors: names within a layer, e.g. `fc2.weight`.
  /// - Returns: see ``StartState``.
  public func measureStart(
    sampler: BatchSampler, batches: Int, tensors: [String]
  ) throws(CorpusError) -> StartState {
    var state = StartState(layerCount: configuration.layerCount, tensors: tensors)
    var batch = TokenBatch(batchSize: shape.batchSize, sequenceLength: shape.sequenceLength)
    if table.needsProfile {
      try sampler.fill(&batch, step: 0)
      profileResiduals(tokens: batch.inputs)
    }
    let tokens = (0..<batches).reduce(0) { $0 + sampler.targetCount(step: $1) }
    for step in 0..<batches {
      try sampler.fill(&batch, step: step)
      let loss = computeGradients(
        tokens: batch.inputs, targets: batch.targets, gradientScale: 1 / Double(tokens),
        accumulating: step > 0)
      state.loss += loss / Double(tokens)
      for layer in 0...configuration.layerCount { state.streamSquares[layer] += streamSquares(layer: layer) }
    }
    for name in tensors where table.anySpec(name) != nil {
      state.gradientNorms[name] = (0..<configuration.layerCount).map { layer in
        table.index(layer: layer, name: name).map { gradientSums($0).sumSquares.squareRoot() } ?? .nan
      }
    }
    return state
  }
}
