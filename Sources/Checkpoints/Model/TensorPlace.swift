/// Which part of a transformer a tensor is, in fairseq's names.
public struct TensorPlace: Hashable, Sendable {
  /// Encoder or decoder.
  public enum Stack: String, Codable, Sendable, CaseIterable {
    /// Reads the whole input at once.
    case encoder
    /// Every decoder-only language model, too.
    case decoder
    /// What belongs to neither, e.g. a classifier.
    case none
  }

  /// The stack that the tensor belongs to.
  public var stack: Stack
  /// The layer, counted from 0; nil outside the layers.
  public var layer: Int?
  /// The name within the layer, e.g. `fc2.weight`; outside the layers the full name, e.g. `decoder.embed_tokens.weight`.
  public var name: String

  /// Creates a place.
  public init(stack: Stack, layer: Int?, name: String) {
    self.stack = stack
    self.layer = layer
    self.name = name
  }

  /// fairseq's full name, e.g. `decoder.layers.3.fc2.weight`.
  public var fullName: String { layer.map { "\(stack.rawValue).layers.\($0).\(name)" } ?? name }
}
