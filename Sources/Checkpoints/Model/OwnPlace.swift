import RunData

/// The place of a tensor that no table knows: whose name holds the number of a repeated block, is that layer's, under its own name.
public struct OwnPlace: Hashable, Sendable {
  /// What stands before the layer's number, e.g. `model.layers`; the known stack's name where a table knows other tensors of the layer.
  public let stack: String
  /// The layer's number.
  public let layer: Int
  /// What stands behind it, without the number of an expert that has a tensor of its own.
  public let name: String
  /// That expert.
  public let expert: Int?

  init(stack: String, layer: Int, tail: String) {
    self.stack = stack
    self.layer = layer
    let parts = tail.split(separator: ".", omittingEmptySubsequences: false)
    let experts = parts.indices.dropLast(2).last { index in
      parts[index].hasSuffix("experts") && wholeNumber(parts[index + 1]) != nil
    }
    guard let experts else {
      (name, expert) = (tail, nil)
      return
    }
    expert = wholeNumber(parts[experts + 1])
    name = (parts[...experts] + parts[(experts + 2)...]).joined(separator: ".")
  }
}
