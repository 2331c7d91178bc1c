/// Which tensors a run records: the columns of every gradient dataset.
///
/// Tensors inside the layers are addressed by (layer, tensor) in a full grid, layer-major; a layer that lacks a
/// tensor has element count 0 there. Tensors outside the layers ("stem") have full names.
public struct GradientLayout: Hashable, Sendable {
  /// Names of the layers, e.g. `decoder.layers.0`.
  public var layerNames: [String]
  /// Names within a layer, e.g. `fc2.weight`, in the order in which data passes them.
  public var tensorNames: [String]
  /// Full names of the tensors outside the layers, e.g. `decoder.embed_tokens.weight`.
  public var stemTensorNames: [String]
  /// Elements of each tensor, `(layer, tensor)`; 0 where a layer has no such tensor.
  public var elementCounts: [Int]
  /// Elements of each stem tensor.
  public var stemElementCounts: [Int]
  /// Whether a tensor's gradient is zero by construction, `(layer, tensor)`: what is recorded there is rounding
  /// noise, kept out of every mismatch.
  public var isZeroByConstruction: [Bool]
  /// Whether a stem tensor's gradient is zero by construction.
  public var stemIsZeroByConstruction: [Bool]
  /// The sums by expert; nil where experts are not measured by themselves.
  public var experts: ExpertLayout?

  /// Creates a layout.
  /// - Parameter stemIsZeroByConstruction: nil where no stem tensor's gradient is.
  /// - Precondition: the grids have `layerNames.count * tensorNames.count` entries.
  public init(
    layerNames: [String], tensorNames: [String], stemTensorNames: [String], elementCounts: [Int],
    stemElementCounts: [Int], isZeroByConstruction: [Bool], stemIsZeroByConstruction: [Bool]? = nil
  ) {
    precondition(elementCounts.count == layerNames.count * tensorNames.count)
    precondition(isZeroByConstruction.count == elementCounts.count)
    precondition(stemElementCounts.count == stemTensorNames.count)
    self.layerNames = layerNames
    self.tensorNames = tensorNames
    self.stemTensorNames = stemTensorNames
    self.elementCounts = elementCounts
    self.stemElementCounts = stemElementCounts
    self.isZeroByConstruction = isZeroByConstruction
    self.stemIsZeroByConstruction = stemIsZeroByConstruction ?? stemTensorNames.map { _ in false }
    precondition(self.stemIsZeroByConstruction.count == stemTensorNames.count)
  }

  /// The number of layers.
  public var layerCount: Int { layerNames.count }

  /// The position of (layer, tensor) in a layer-major grid.
  public func index(layer: Int, tensor: Int) -> Int { layer * tensorNames.count + tensor }
}

/// The columns of the sums by expert: a full `(layer, expert)` grid.
public struct ExpertLayout: Hashable, Sendable {
  /// Experts of a layer, at most.
  public var count: Int
  /// Elements of each expert's tensors together, `(layer, expert)`, layer-major; 0 where a layer has no such expert.
  public var elementCounts: [Int]

  /// Creates a layout.
  public init(count: Int, elementCounts: [Int]) {
    self.count = count
    self.elementCounts = elementCounts
  }
}

/// A learned gain or scale whose values are kept in snapshots, e.g. `ffn_layernorm` (α of the FFN LN).
public struct ScaleLayout: Equatable, Sendable {
  /// What the elements of a scale run over, and so the dimension that it has in a run file.
  public enum Axis: String, Sendable, CaseIterable {
    /// Model width: `model_element`.
    case modelElement = "model_element"
    /// FFN width: `ffn_element`.
    case ffnElement = "ffn_element"
    /// Attention heads: `head`.
    case head
    /// Width of a head: `head_element`.
    case headElement = "head_element"
    /// One number: `single`.
    case single
  }

  /// Name in a run file after `scale_`: `ffn_layernorm`, `attn_ln`, `c_attn`, `w_resid`, `w_resid_attention`, ...
  public var name: String
  /// What the elements run over.
  public var axis: Axis
  /// What its elements begin at; nil where layers begin at different values.
  public var initialValue: Double?
  /// Whether the model keeps its difference from one, on which weight decay acts; snapshots are of what multiplies.
  public var isStoredMinusOne: Bool

  /// Creates the description of one scale.
  public init(name: String, axis: Axis, initialValue: Double? = 1, isStoredMinusOne: Bool = false) {
    self.name = name
    self.axis = axis
    self.initialValue = initialValue
    self.isStoredMinusOne = isStoredMinusOne
  }

  /// What an element would be by weight decay alone, which multiplied what is stored by `factor`; nil where layers begin at
  /// different values.
  public func value(decayedBy factor: Double) -> Double? {
    let offset = isStoredMinusOne ? 1.0 : 0
    return initialValue.map { offset + ($0 - offset) * factor }
  }

  /// What a run file calls the scale that a tensor of a layer holds: `q_layer_norm` of `self_attn.q_layer_norm.weight`.
  public static func name(ofTensor tensor: String) -> String {
    var name = Substring(tensor)
    if name.hasPrefix("self_attn.") { name = name.dropFirst("self_attn.".count) }
    if name.hasSuffix(".weight") { name = name.dropLast(".weight".count) }
    return String(name.map { $0.isLetter || $0.isNumber || $0 == "_" ? $0 : "_" })
  }
}
