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
  /// What stands behind the layer's number.
  let storedTail: String

  init(stack: String, layer: Int, tail: String) {
    self.stack = stack
    self.layer = layer
    storedTail = tail
    let parts = tail.split(separator: ".", omittingEmptySubsequences: false)
    let experts = parts.indices.dropLast(2).last { index in
      parts[index].hasSuffix("experts") && CompiledRule.number(parts[index + 1]) != nil
    }
    guard let experts else {
      (name, expert) = (tail, nil)
      return
    }
    expert = CompiledRule.number(parts[experts + 1])
    name = (parts[...experts] + parts[(experts + 2)...]).joined(separator: ".")
  }
}

/// Finds the layers of a model by nothing but its names.
///
/// Of nested numbers the outer one counts. A number is a block's where at least two of them have a tensor of one name, or, in a model
/// without such blocks, where there is one.
struct OwnPlaces {
  private struct Split {
    let stack: String
    let layer: Int
    let tail: String
    /// `layer1`, not `layers.1`.
    let isInsideWord: Bool

    var key: Key { Key(stack: stack, isInsideWord: isInsideWord) }
  }

  private struct Key: Hashable {
    let stack: String
    let isInsideWord: Bool
  }

  private let splits: [String: [Split]]
  private let stacks: Set<Key>

  /// - Parameter hasLayers: whether the model has other layers already: then only what repeats is a layer.
  init(_ names: [String], hasLayers: Bool) {
    let splits = Dictionary(names.map { ($0, Self.splits($0)) }, uniquingKeysWith: { first, _ in first })
    self.splits = splits
    let repeated = Self.repeated(names.flatMap { splits[$0] ?? [] })
    guard repeated.isEmpty, !hasLayers else {
      stacks = repeated
      return
    }
    stacks = Set(splits.values.flatMap { $0 }.filter { !$0.isInsideWord && !$0.stack.isEmpty }.map(\.key))
  }

  /// The place of a name; nil outside the layers.
  subscript(name: String) -> OwnPlace? {
    splits[name]?.first { stacks.contains($0.key) }.map {
      OwnPlace(stack: $0.stack, layer: $0.layer, tail: $0.tail)
    }
  }

  /// The ways to cut a name at one of its numbers, outermost first.
  private static func splits(_ name: String) -> [Split] {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.indices.compactMap { index in
      let tail = parts[(index + 1)...].joined(separator: ".")
      if let number = CompiledRule.number(parts[index]) {
        // Of a list of parameters, the list's name is the tensor's.
        let listed = index > 0 ? String(parts[index - 1]) : String(parts[index])
        return Split(
          stack: parts[..<index].joined(separator: "."), layer: number, tail: tail.isEmpty ? listed : tail,
          isInsideWord: false)
      }
      let digits = parts[index].reversed().prefix { $0.isNumber && $0.isASCII }.count
      guard digits > 0, digits < parts[index].count, hasNumber(parts[(index + 1)...]),
        let number = Int(parts[index].suffix(digits))
      else { return nil }
      let word = (parts[..<index] + [parts[index].dropLast(digits)]).joined(separator: ".")
      return Split(stack: word, layer: number, tail: tail, isInsideWord: true)
    }
  }

  /// A word with a number is a block where it holds numbered blocks: `layer1.0` of a ResNet.
  private static func hasNumber(_ parts: ArraySlice<Substring>) -> Bool {
    parts.dropLast().contains { CompiledRule.number($0) != nil }
  }

  /// Stacks of which two layers have a tensor of one name.
  private static func repeated(_ splits: [Split]) -> Set<Key> {
    struct Tail: Hashable {
      let key: Key
      let name: String
    }
    var layers: [Tail: Int] = [:]
    var repeated: Set<Key> = []
    for split in splits {
      let tail = Tail(key: split.key, name: split.tail)
      if let other = layers[tail], other != split.layer { repeated.insert(split.key) }
      if layers[tail] == nil { layers[tail] = split.layer }
    }
    return repeated
  }
}
