import Statistics

/// One scale of one group, layer by layer.
public struct ScaleProfile: Sendable {
  /// A layer's values.
  public struct Layer: Sendable {
    /// The layer's number.
    public let number: Int
    /// All elements of all seeds together.
    public let pooled: BoxSummary
    /// Of each seed, in the group's order.
    public let bySource: [BoxSummary]
    /// The mean over seeds of their medians, with Student's t interval from three seeds on.
    public let median: Estimate
  }

  /// A head with a small γ.
  public struct SmallHead: Equatable, Sendable {
    /// Which of the group's sources.
    public let source: Int
    /// The layer's number.
    public let layer: Int
    /// The head, counted from 0.
    public let head: Int
    /// Its γ.
    public let value: Double
  }

  /// The name within a layer, e.g. `ffn_layernorm.weight`.
  public let name: String
  /// Layers that have the scale.
  public let layers: [Layer]
  /// Of each source, how its medians go with depth.
  public let correlations: [DepthCorrelation]
  /// Their mean, with Student's t interval from three seeds on, cut off at -1 and 1.
  public let trend: Estimate
  /// Values of each source in each layer, `(source)(layer)(element)`, where there are few: one a head.
  let heads: [[[Double]]]
  /// Heads with |γ| below the limit; empty for other scales.
  public let smallHeads: [SmallHead]
  /// Values that are not finite, in words; empty without any.
  let nonfinite: [String]

  /// Nil where no layer of any source has the scale.
  init?(of name: String, in group: ScaleGroup, options: ScaleOptions) {
    let values = zip(group.sources, group.snapshots).map { $0.values(of: name, snapshot: $1) }
    let present = group.layers.indices.filter { index in values.allSatisfy { $0[index] != nil } }
    guard !present.isEmpty else { return nil }
    let own = values.map { source in present.map { source[$0] ?? [] } }
    let numbers = present.map { group.layers[$0] }
    self.name = name
    let layers = numbers.indices.map { index in
      let bySource = own.map { BoxSummary(of: $0[index], near: options.near) }
      return Layer(
        number: numbers[index],
        pooled: own.count == 1
          ? bySource[0] : BoxSummary(of: own.flatMap { $0[index] }, near: options.near),
        bySource: bySource, median: Estimate(meanOfSeeds: bySource.map(\.median)))
    }
    self.layers = layers
    correlations = own.indices.map { source in
      DepthCorrelation(of: layers.map { $0.bySource[source].median })
    }
    trend = Estimate(meanOfSeeds: correlations.map(\.value)).clamped(to: -1...1)
    let isHeadScale = GainName.isHeadScale(name)
    heads = isHeadScale ? own : []
    smallHeads = isHeadScale ? Self.smallHeads(own, numbers, below: options.small) : []
    nonfinite = Self.nonfinite(own, numbers, name: name, group)
  }

  /// Mean of |x - 1| over all elements of all layers, of one source or of all.
  public func distanceFromOne(source: Int? = nil) -> Double {
    let boxes = layers.map { layer in source.map { layer.bySource[$0] } ?? layer.pooled }.filter {
      $0.count > 0
    }
    let count = boxes.reduce(0) { $0 + $1.count }
    return boxes.reduce(0) { $0 + $1.distanceFromOne * Double($1.count) } / Double(count)
  }

  private static func smallHeads(_ values: [[[Double]]], _ layers: [Int], below limit: Double) -> [SmallHead]
  {
    values.indices.flatMap { source in
      layers.indices.flatMap { index in
        values[source][index].enumerated().filter { abs($0.element) < limit }.map {
          SmallHead(source: source, layer: layers[index], head: $0.offset, value: $0.element)
        }
      }
    }
  }

  /// Layer by layer, the first few elements by number.
  private static func nonfinite(
    _ values: [[[Double]]], _ layers: [Int], name: String, _ group: ScaleGroup
  ) -> [String] {
    values.indices.flatMap { source in
      layers.indices.compactMap { index -> String? in
        let elements = values[source][index].indices.filter { !values[source][index][$0].isFinite }
        guard !elements.isEmpty else { return nil }
        let first = elements.prefix(4).map(String.init).joined(separator: ", ")
        let seed = group.isPooled ? group.seed(source).map { ", seed \($0)" } ?? "" : ""
        return "\(name) of layer \(layers[index])\(seed): \(elements.count) of \(values[source][index].count)"
          + " (element \(first)\(elements.count > 4 ? ", …" : ""))"
      }
    }
  }
}

/// What counts as near and small.
public struct ScaleOptions: Equatable, Sendable {
  /// How far from 0 or 1 a value is near it.
  public var near: Double
  /// Below which |γ| a head is listed.
  public var small: Double
  /// Whether the gains of the other norms are shown, too.
  public var includesAllGains: Bool

  /// Creates options.
  public init(near: Double = 0.05, small: Double = 0.1, includesAllGains: Bool = false) {
    self.near = near
    self.small = small
    self.includesAllGains = includesAllGains
  }
}

extension Estimate {
  /// The arithmetic mean of a number of each seed, with Student's t interval from three seeds on; without one where any is
  /// not finite.
  init(meanOfSeeds numbers: [Double]) {
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    self.init(
      value: mean,
      interval: numbers.count >= 3 && mean.isFinite ? StudentT.interval(of: numbers) : nil)
  }

  /// Value and ends cut off where the number cannot lie.
  func clamped(to range: ClosedRange<Double>) -> Estimate {
    mapped { min(max($0, range.lowerBound), range.upperBound) }
  }
}
