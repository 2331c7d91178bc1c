/// One line of a name table: a pattern of names in files, and where such a tensor belongs.
///
/// A pattern's components are separated by dots. `{layer}` stands for a layer's number, `{2layer}` and `{2layer+1}` for
/// twice the number, and so on, where a model counts its sublayers; `{kind}` for `weight` and `bias`.
struct NameRule: Equatable, Encodable, Sendable {
  let pattern: String
  let stack: TensorPlace.Stack
  /// Names within the layer, or full names where the pattern has no layer. Several are equal parts of one tensor,
  /// side by side along its outputs.
  let names: [String]
  /// Stored as `(inputs, outputs)`.
  let isTransposed: Bool
  /// A gain stored as its difference from one.
  let isGainStoredMinusOne: Bool
  /// A vector stored with further dimensions of size 1.
  let isVector: Bool

  init(
    _ pattern: String, _ stack: TensorPlace.Stack = .decoder, _ names: String..., transposed: Bool = false,
    minusOne: Bool = false, vector: Bool = false
  ) {
    self.init(
      pattern, stack, names: names, isTransposed: transposed, isGainStoredMinusOne: minusOne, isVector: vector
    )
  }

  init(
    _ pattern: String, _ stack: TensorPlace.Stack, names: [String], isTransposed: Bool = false,
    isGainStoredMinusOne: Bool = false, isVector: Bool = false
  ) {
    self.pattern = pattern
    self.stack = stack
    self.names = names
    self.isTransposed = isTransposed
    self.isGainStoredMinusOne = isGainStoredMinusOne
    self.isVector = isVector
  }

  /// Rules with `weight` and `bias` for `{kind}`.
  var expanded: [NameRule] {
    guard pattern.contains("{kind}") else { return [self] }
    return ["weight", "bias"].map { kind in
      NameRule(
        pattern.replacing("{kind}", with: kind), stack,
        names: names.map { $0.replacing("{kind}", with: kind) },
        isTransposed: isTransposed, isGainStoredMinusOne: isGainStoredMinusOne, isVector: isVector)
    }
  }
}

/// A rule in the form in which names are compared with it.
struct CompiledRule: Sendable {
  enum Component: Equatable, Sendable {
    case literal(Substring)
    case layer(factor: Int, offset: Int)
  }

  let rule: NameRule
  private let components: [Component]

  init(_ rule: NameRule) {
    self.rule = rule
    components = rule.pattern.split(separator: ".").map(Self.component)
  }

  private static func component(_ text: Substring) -> Component {
    guard text.hasPrefix("{"), text.hasSuffix("}") else { return .literal(text) }
    let parts = text.dropFirst().dropLast().split(separator: "+")
    guard parts[0].hasSuffix("layer") else { preconditionFailure("no pattern: \(text)") }
    return .layer(
      factor: Int(parts[0].dropLast("layer".count)) ?? 1, offset: parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
  }

  /// Equal for names that may match: numbers stand for layers, or for themselves.
  var key: String {
    components.map { component in
      switch component {
      case .literal(let text): Self.number(text) == nil ? String(text) : "#"
      case .layer: "#"
      }
    }.joined(separator: ".")
  }

  /// A whole number as names have it: without sign and leading zeros.
  static func number(_ text: Substring) -> Int? {
    guard let number = Int(text), number >= 0, String(number) == text else { return nil }
    return number
  }

  /// Whether a name is one of the pattern's, and of which layer.
  func match(_ name: ArraySlice<Substring>) -> Match? {
    guard name.count == components.count else { return nil }
    var layer: Int?
    for (component, text) in zip(components, name) {
      switch component {
      case .literal(let literal):
        if literal != text { return nil }
      case .layer(let factor, let offset):
        guard let number = Self.number(text), number >= offset, (number - offset).isMultiple(of: factor)
        else {
          return nil
        }
        layer = (number - offset) / factor
      }
    }
    return Match(rule: rule, layer: layer)
  }

  struct Match {
    let rule: NameRule
    let layer: Int?

    /// Whether fused queries, keys and values lie where the rule says: libraries share names and differ in this.
    func fits(_ tensor: TensorInfo) -> Bool {
      guard rule.names.count == 3, tensor.shape.count == 2 else { return true }
      let (outputs, inputs) = rule.isTransposed ? (1, 0) : (0, 1)
      return tensor.shape[outputs] / 3 == tensor.shape[inputs]
    }
  }
}
