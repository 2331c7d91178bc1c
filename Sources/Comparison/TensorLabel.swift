import Checkpoints

/// What a tensor is called in a comparison: by its place in the model, or by its own name where no table knows it.
public struct TensorLabel: Hashable, Sendable {
  /// `decoder`, `encoder` or `none`; of a tensor whose layer no table knows, what stands before the layer's number.
  public let stack: String
  /// The layer, counted from 0; nil outside the layers.
  public let layer: Int?
  /// The name within the layer, e.g. `fc2.weight`, which all experts of a layer share; outside the layers the full name.
  public let operation: String
  /// Whether the place is known, not only the name.
  public let isPlace: Bool
  /// The full name: fairseq's, or the tensor's own.
  public let fullName: String

  /// The label of a known place.
  public init(_ place: TensorPlace) {
    stack = place.stack.rawValue
    layer = place.layer
    operation = place.name
    isPlace = true
    fullName = place.fullName
  }

  /// The label of a tensor under its own name, in a layer or in none.
  public init(ownName: String, _ place: OwnPlace?) {
    stack = place?.stack ?? ""
    layer = place?.layer
    operation = place?.name ?? ownName
    isPlace = false
    fullName = ownName
  }
}
