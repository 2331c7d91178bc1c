/// A weighted sum of log10 m_l over layers: every statistic of a mismatch is one.
package struct Contrast: Equatable {
  /// Layers with a weight that is not zero.
  package let weights: [(layer: Int, weight: Double)]

  /// A sum with these weights.
  package init(weights: [(layer: Int, weight: Double)]) { self.weights = weights }

  package static func == (one: Contrast, other: Contrast) -> Bool {
    one.weights.elementsEqual(other.weights) { $0.layer == $1.layer && $0.weight == $1.weight }
  }

  /// log10 m_l of one layer.
  package static func layer(_ layer: Int) -> Contrast { Contrast(weights: [(layer, 1)]) }

  /// log10 (m_a / m_b).
  package static func ratio(_ numerator: Int, over denominator: Int) -> Contrast {
    Contrast(weights: [(numerator, 1), (denominator, -1)])
  }

  /// The least-squares slope of log10 m_l against l / (L - 1), in decades over the depth.
  /// - Precondition: at least two of `layers`, and `layerCount` above the largest.
  package static func slope(over layers: [Int], layerCount: Int) -> Contrast {
    let depths = layers.map { Double($0) / Double(layerCount - 1) }
    let mean = depths.reduce(0, +) / Double(depths.count)
    let square = depths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return Contrast(weights: zip(layers, depths).map { ($0, ($1 - mean) / square) })
  }

  /// The sum for the logarithms of a profile, indexed by layer.
  package func value(of logarithms: [Double]) -> Double {
    weights.reduce(0) { $0 + $1.weight * logarithms[$1.layer] }
  }
}
