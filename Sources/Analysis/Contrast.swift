/// A weighted sum of log10 m_l over layers: every statistic of a mismatch is one.
struct Contrast: Equatable {
  /// Layers with a weight that is not zero.
  let weights: [(layer: Int, weight: Double)]

  static func == (one: Contrast, other: Contrast) -> Bool {
    one.weights.elementsEqual(other.weights) { $0.layer == $1.layer && $0.weight == $1.weight }
  }

  /// log10 m_l of one layer.
  static func layer(_ layer: Int) -> Contrast { Contrast(weights: [(layer, 1)]) }

  /// log10 (m_a / m_b).
  static func ratio(_ numerator: Int, over denominator: Int) -> Contrast {
    Contrast(weights: [(numerator, 1), (denominator, -1)])
  }

  /// The least-squares slope of log10 m_l against l / (L - 1), in decades over the depth.
  /// - Precondition: at least two of `layers`, and `layerCount` above the largest.
  static func slope(over layers: [Int], layerCount: Int) -> Contrast {
    let depths = layers.map { Double($0) / Double(layerCount - 1) }
    let mean = depths.reduce(0, +) / Double(depths.count)
    let square = depths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return Contrast(weights: zip(layers, depths).map { ($0, ($1 - mean) / square) })
  }

  /// The sum for the logarithms of a profile, indexed by layer.
  func value(of logarithms: [Double]) -> Double {
    weights.reduce(0) { $0 + $1.weight * logarithms[$1.layer] }
  }
}
