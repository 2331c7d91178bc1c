/// The records of one run that lie in a window.
package struct WindowedSeries {
  /// The steps in the window.
  package let steps: [Int]
  /// The statistic, `(layer)(record)`; layers without the tensor included. Where a layer has none at a record, its mean, which moves
  /// nothing.
  package let values: [[Double]]
  /// Whether a layer has a value at a record, `(layer)(record)`: one that does not train has none; nil where all have.
  package let isMeasured: [[Bool]]?
  /// Runs of records without a gap: positions in `steps`.
  package let stretches: [Range<Int>]
  /// The mean of each layer over the records at which it has a value; non-finite where any of them is, not a number in a layer
  /// that never has one.
  package let means: [Double]

  /// Takes the columns as they are, with the mean of each layer.
  package init(steps: [Int], values: [[Double]], stretches: [Range<Int>], isMeasured: [[Bool]]? = nil) {
    self.steps = steps
    self.stretches = stretches
    self.isMeasured = isMeasured
    guard let isMeasured else {
      self.values = values
      means = values.map { $0.reduce(0, +) / Double(steps.count) }
      return
    }
    let means = zip(values, isMeasured).map { layer, isMeasured in
      let own = zip(layer, isMeasured).filter(\.1).map(\.0)
      return own.reduce(0, +) / Double(own.count)
    }
    self.means = means
    self.values = zip(values, isMeasured).enumerated().map { index, layer in
      zip(layer.0, layer.1).map { $1 ? $0 : means[index] }
    }
  }

  /// Some of the records; stretches end where one is left out.
  package func restricted(to records: [Int]) -> WindowedSeries {
    guard records.count < steps.count else { return self }
    var kept: [Range<Int>] = []
    for stretch in stretches {
      for (position, record) in records.enumerated() where stretch.contains(record) {
        let goesOn = position > 0 && records[position - 1] == record - 1 && record > stretch.lowerBound
        if goesOn, let last = kept.popLast() {
          kept.append(last.lowerBound..<position + 1)
        } else {
          kept.append(position..<position + 1)
        }
      }
    }
    return WindowedSeries(
      steps: records.map { steps[$0] }, values: values.map { layer in records.map { layer[$0] } },
      stretches: kept)
  }

  /// Records at which a layer has a value.
  package func measuredCount(ofLayer layer: Int) -> Int {
    isMeasured.map { $0[layer].count(where: \.self) } ?? steps.count
  }

  /// The records, each as one, at which each of `layers` has a value, summed as ``prefixSums(of:)`` has them; nil where all have one at every
  /// record.
  package func prefixCounts(of layers: [Int]) -> [Double]? {
    guard let isMeasured else { return nil }
    let width = layers.count
    var counts = Array(repeating: 0.0, count: (steps.count + 1) * width)
    for (column, layer) in layers.enumerated() {
      for record in steps.indices {
        counts[(record + 1) * width + column] =
          counts[record * width + column] + (isMeasured[layer][record] ? 1 : 0)
      }
    }
    return counts
  }

  /// The first step with a non-finite value in one of `layers`, and how many steps have one.
  package func nonfinite(in layers: [Int]) -> (firstStep: Int, stepCount: Int, layers: [Int])? {
    func isBad(_ layer: Int, _ record: Int) -> Bool {
      !values[layer][record].isFinite && isMeasured?[layer][record] != false
    }
    let affected = layers.filter { layer in steps.indices.contains { isBad(layer, $0) } }
    let records = steps.indices.filter { record in affected.contains { isBad($0, record) } }
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

  /// Sums of the first r records of each of `layers` at which it has a value, divided by the layer's mean, `(record + 1, layer)`.
  package func prefixSums(of layers: [Int]) -> [Double] {
    let width = layers.count
    var sums = Array(repeating: 0.0, count: (steps.count + 1) * width)
    for (column, layer) in layers.enumerated() {
      let scale = 1 / means[layer]
      for record in steps.indices {
        let added = isMeasured?[layer][record] == false ? 0 : scale * values[layer][record]
        sums[(record + 1) * width + column] = sums[record * width + column] + added
      }
    }
    return sums
  }
}
