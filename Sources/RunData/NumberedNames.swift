/// A name, cut at the number of a layer.
public struct NumberedName: Hashable, Sendable {
  /// What stands before the number, e.g. `model.layers`; empty where nothing does.
  public let stack: String
  /// The number.
  public let layer: Int
  /// What stands behind it.
  public let tail: String
  /// `layer1`, not `layers.1`.
  fileprivate let isInsideWord: Bool

  fileprivate var key: NumberedNames.Key { NumberedNames.Key(stack: stack, isInsideWord: isInsideWord) }
}

/// A whole number as names have it: without sign and leading zeros; nil for other text.
public func wholeNumber(_ text: Substring) -> Int? {
  guard let number = Int(text), number >= 0, String(number) == text else { return nil }
  return number
}

/// Finds the layers of a model by nothing but its names.
///
/// Of nested numbers the outer one counts. A number is a block's where at least two of them have a tensor of one name, or, in a model
/// without such blocks, where there is one.
public struct NumberedNames: Sendable {
  fileprivate struct Key: Hashable {
    let stack: String
    let isInsideWord: Bool
  }

  private let splits: [String: [NumberedName]]
  private let stacks: Set<Key>

  /// - Parameter hasLayers: whether the model has other layers already: then only what repeats is a layer.
  public init(_ names: [String], hasLayers: Bool) {
    let splits = Dictionary(names.map { ($0, Self.splits($0)) }, uniquingKeysWith: { first, _ in first })
    self.splits = splits
    let repeated = Self.repeated(names.flatMap { splits[$0] ?? [] })
    guard repeated.isEmpty, !hasLayers else {
      stacks = repeated
      return
    }
    stacks = Set(splits.values.flatMap { $0 }.filter { !$0.isInsideWord && !$0.stack.isEmpty }.map(\.key))
  }

  /// A name, cut at its layer's number; nil outside the layers.
  public subscript(name: String) -> NumberedName? { splits[name]?.first { stacks.contains($0.key) } }

  /// The ways to cut a name at one of its numbers, outermost first.
  private static func splits(_ name: String) -> [NumberedName] {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.indices.compactMap { index in
      let tail = parts[(index + 1)...].joined(separator: ".")
      if let number = wholeNumber(parts[index]) {
        // Of a list of parameters, the list's name is the tensor's.
        let listed = index > 0 ? String(parts[index - 1]) : String(parts[index])
        return NumberedName(
          stack: parts[..<index].joined(separator: "."), layer: number, tail: tail.isEmpty ? listed : tail,
          isInsideWord: false)
      }
      let digits = parts[index].reversed().prefix { $0.isNumber && $0.isASCII }.count
      guard digits > 0, digits < parts[index].count, hasNumber(parts[(index + 1)...]),
        let number = Int(parts[index].suffix(digits))
      else { return nil }
      let word = (parts[..<index] + [parts[index].dropLast(digits)]).joined(separator: ".")
      return NumberedName(stack: word, layer: number, tail: tail, isInsideWord: true)
    }
  }

  /// A word with a number is a block where it holds numbered blocks: `layer1.0` of a ResNet.
  private static func hasNumber(_ parts: ArraySlice<Substring>) -> Bool {
    parts.dropLast().contains { wholeNumber($0) != nil }
  }

  /// Stacks of which two layers have a tensor of one name.
  private static func repeated(_ splits: [NumberedName]) -> Set<Key> {
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
