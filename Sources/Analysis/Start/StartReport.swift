import RealModule
import RunData
import Statistics

/// Gradients and hidden states at initialisation against the theory of Xiong et al. (2020), "On Layer Normalization in the
/// Transformer Architecture".
///
/// What it says, for one-headed uniform attention, ReLU, square FFN weights N(0, 1/d) and Gaussian inputs: the gradient of the
/// last FFN's second weight is O(d √ln d) at any depth L in Post-LN and O(d √(ln d / L)) in Pre-LN (Theorem 1); E‖x_l‖² is 3d/2 in
/// Post-LN before each block's last norm, and between (1 + l/2) d and (1 + 3l/2) d in Pre-LN (Lemma 2).
public struct StartReport: Sendable {
  /// One model: architecture and depth, with its measurements by seed.
  public struct Entry: Sendable {
    /// The architecture's title.
    public let label: String
    /// Layers.
    public let depth: Int
    /// One measurement a seed.
    public let states: [StartState]

    /// Creates an entry.
    public init(label: String, depth: Int, states: [StartState]) {
      self.label = label
      self.depth = depth
      self.states = states
    }
  }

  /// The models, depth fastest.
  public let entries: [Entry]
  /// The tensor whose last layer is followed over depths, and the one that is shown beside it by layer.
  public let tensor: String
  /// The other tensor shown by layer.
  public let otherTensor: String
  /// Width of the residual stream.
  public let modelDim: Int
  /// Batches that the mean gradient runs over.
  public let batchCount: Int
  /// Seeds of each entry.
  public let seedCount: Int
  /// The setting in words: initial values, nonlinearity, sizes.
  public let setting: String

  /// Creates a report.
  public init(
    entries: [Entry], tensor: String, otherTensor: String, modelDim: Int, batchCount: Int, seedCount: Int,
    setting: String
  ) {
    self.entries = entries
    self.tensor = tensor
    self.otherTensor = otherTensor
    self.modelDim = modelDim
    self.batchCount = batchCount
    self.seedCount = seedCount
    self.setting = setting
  }

  /// The architectures, in order.
  public var labels: [String] {
    entries.map(\.label).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// An architecture's entries, by depth.
  func entries(of label: String) -> [Entry] {
    entries.filter { $0.label == label }.sorted { $0.depth < $1.depth }
  }

  /// An architecture's deepest model: what figures by layer show.
  func deepest(_ label: String) -> Entry? { entries(of: label).last }

  // MARK: - Gradients

  /// Geometric mean over seeds of a layer's gradient norm; Student's t on the logarithm from three seeds on.
  public func gradientNorm(_ entry: Entry, _ tensor: String, layer: Int) -> Estimate {
    let logarithms = entry.states.compactMap { state in
      state.gradientNorms[tensor].map { Double.log10($0[layer]) }
    }
    return Estimate.mean(of: logarithms).mapped { Double.pow(10, $0) }
  }

  /// The exponent p of `norm ∝ depth^p` for the last layer's gradient: least squares on logarithms, seed by seed.
  ///
  /// Theory's bounds fall with 0 in Post-LN and -1/2 in Pre-LN. Undefined with fewer than two depths.
  public func depthExponent(_ label: String) -> Estimate {
    let own = entries(of: label)
    guard own.count >= 2 else { return .undefined }
    let depths = own.map { Double.log10(Double($0.depth)) }
    let mean = depths.reduce(0, +) / Double(depths.count)
    let square = depths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let seeds = own.map(\.states.count).min() ?? 0
    let slopes = (0..<seeds).map { seed in
      zip(own, depths).reduce(0.0) { sum, pair in
        let norm = pair.0.states[seed].gradientNorms[tensor]?.last ?? .nan
        return sum + (pair.1 - mean) / square * Double.log10(norm)
      }
    }
    return Estimate.mean(of: slopes)
  }

  /// Last layer's gradient over the first's in the deepest model: above 1 in Post-LN, near 1 in Pre-LN by theory.
  public func lateOverEarly(_ label: String, _ tensor: String) -> Estimate {
    guard let entry = deepest(label) else { return .undefined }
    let logarithms = entry.states.compactMap { state -> Double? in
      guard let norms = state.gradientNorms[tensor], let first = norms.first, let last = norms.last else {
        return nil
      }
      return Double.log10(last) - Double.log10(first)
    }
    return Estimate.mean(of: logarithms).mapped { Double.pow(10, $0) }
  }

  // MARK: - Hidden states

  /// E‖x_l‖² / d over positions, mean over seeds.
  public func streamSize(_ entry: Entry, layer: Int) -> Estimate {
    Estimate.mean(
      of: entry.states.map { state in
        let squares = state.streamSquares[layer]
        return squares.reduce(0, +) / Double(squares.count) / Double(modelDim)
      })
  }

  /// The share of positions whose ‖x_l‖² lies more than ε = 0.1 above the mean: the δ of "(ε, δ)-bounded".
  public func unboundedShare(_ entry: Entry, layer: Int) -> Estimate {
    Estimate.mean(
      of: entry.states.map { state in
        let squares = state.streamSquares[layer]
        let mean = squares.reduce(0, +) / Double(squares.count)
        return Double(squares.count { $0 > 1.1 * mean }) / Double(squares.count)
      })
  }

  /// Growth of E‖x_l‖² / d a layer in the deepest model: least squares over layers, seed by seed. Lemma 2: 1/2 to 3/2 in Pre-LN, 0 in
  /// Post-LN.
  public func growth(_ label: String) -> Estimate {
    guard let entry = deepest(label) else { return .undefined }
    let layers = (0...entry.depth).map(Double.init)
    let mean = layers.reduce(0, +) / Double(layers.count)
    let square = layers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let slopes = entry.states.map { state in
      zip(state.streamSquares, layers).reduce(0.0) { sum, pair in
        let size = pair.0.reduce(0, +) / Double(pair.0.count) / Double(modelDim)
        return sum + (pair.1 - mean) / square * size
      }
    }
    return Estimate.mean(of: slopes)
  }
}
