import Checkpoints

/// What a tensor is called in a comparison: by its place in the model, or by its own name where no table knows it.
public struct TensorLabel: Hashable, Sendable {
  /// `decoder`, `encoder` or `none`; of a tensor under its own name, what stands before the layer's number.
  public let stack: String
  /// The layer, counted from 0; nil outside the layers.
  public let layer: Int?
  /// The name within the layer, e.g. `fc2.weight`; outside the layers the full name.
  public let operation: String
  /// Whether the place is known, not only the name.
  public let isPlace: Bool

  /// The label of a known place.
  public init(_ place: TensorPlace) {
    stack = place.stack.rawValue
    layer = place.layer
    operation = place.name
    isPlace = true
  }

  /// The label of a tensor under its own name. The first number between two dots counts as the layer.
  public init(ownName: String) {
    let parts = ownName.split(separator: ".", omittingEmptySubsequences: false)
    let position = parts.indices.dropLast().first { index in
      index > 0 && Int(parts[index]).map { $0 >= 0 && String($0) == parts[index] } == true
    }
    isPlace = false
    guard let position else {
      (stack, layer, operation) = ("", nil, ownName)
      return
    }
    stack = parts[..<position].joined(separator: ".")
    layer = Int(parts[position])
    operation = parts[(position + 1)...].joined(separator: ".")
  }

  /// fairseq's full name, or the tensor's own.
  public var fullName: String {
    guard let layer else { return operation }
    return isPlace ? "\(stack).layers.\(layer).\(operation)" : "\(stack).\(layer).\(operation)"
  }
}
