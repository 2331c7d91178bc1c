/// The records of one run that lie in a window.
package struct WindowedSeries {
  /// The steps in the window.
  package let steps: [Int]
  /// The statistic, `(layer)(record)`; layers without the tensor included.
  package let values: [[Double]]
  /// Runs of records without a gap: positions in `steps`.
  package let stretches: [Range<Int>]
  /// The mean of each layer; non-finite where any record of the layer is, not a number in a layer without the tensor.
  package let means: [Double]

  /// Takes the columns as they are, with the mean of each layer.
  package init(steps: [Int], values: [[Double]], stretches: [Range<Int>]) {
    self.steps = steps
    self.values = values
    self.stretches = stretches
    means = values.map { $0.reduce(0, +) / Double(steps.count) }
  }

  /// The first step with a non-finite value in one of `layers`, and how many steps have one.
  package func nonfinite(in layers: [Int]) -> (firstStep: Int, stepCount: Int, layers: [Int])? {
    let affected = layers.filter { layer in values[layer].contains { !$0.isFinite } }
    let records = steps.indices.filter { record in affected.contains { !values[$0][record].isFinite } }
    guard let first = records.first else { return nil }
    return (steps[first], records.count, affected)
  }

  /// How far each record moves a weighted sum of log m_l: `Σ_l w_l g_l(t) / m_l`, to first order.
  package func influence(of contrast: Contrast) -> [Double] {
    var result = Array(repeating: 0.0, count: steps.count)
    for (layer, weight) in contrast.weights {
      let scale = weight / means[layer]
      for record in result.indices { result[record] += scale * values[layer][record] }
    }
    return result
  }

  /// Sums of the first r records of each of `layers`, divided by the layer's mean, `(record + 1, layer)`.
  package func prefixSums(of layers: [Int]) -> [Double] {
    let width = layers.count
    var sums = Array(repeating: 0.0, count: (steps.count + 1) * width)
    for (column, layer) in layers.enumerated() {
      let scale = 1 / means[layer]
      for record in steps.indices {
        sums[(record + 1) * width + column] = sums[record * width + column] + scale * values[layer][record]
      }
    }
    return sums
  }
}
