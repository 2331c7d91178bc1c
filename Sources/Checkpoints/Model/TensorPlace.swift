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
  /// The expert that it is of, where each has a tensor of its own.
  public var expert: Int?

  /// Creates a place.
  public init(stack: Stack, layer: Int?, name: String, expert: Int? = nil) {
    self.stack = stack
    self.layer = layer
    self.name = name
    self.expert = expert
  }

  /// fairseq's full name, e.g. `decoder.layers.3.fc2.weight`.
  public var fullName: String {
    let own = expert.map { name.replacing("experts.", with: "experts.\($0).", maxReplacements: 1) } ?? name
    return layer.map { "\(stack.rawValue).layers.\($0).\(own)" } ?? own
  }
}
