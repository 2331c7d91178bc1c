import RunData

/// One line of a name table: a pattern of names in files, and where such a tensor belongs.
///
/// A pattern's components are separated by dots. `{layer}` stands for a layer's number, `{2layer}` and `{2layer+1}` for
/// twice the number, and so on, where a model counts its sublayers; `{expert}` for an expert's; `{kind}` for `weight` and
/// `bias`.
struct NameRule: Equatable, Encodable, Sendable {
  private(set) var pattern: String
  let stack: TensorPlace.Stack
  /// Names within the layer, or full names where the pattern has no layer. Several are parts of one tensor.
  private(set) var names: [String]
  /// Stored as `(inputs, outputs)`.
  let isTransposed: Bool
  /// A gain stored as its difference from one.
  let isGainStoredMinusOne: Bool
  /// A vector stored with further dimensions of size 1.
  let isVector: Bool
  /// How several parts lie.
  private(set) var fusion = Fusion.equal
  /// The dimension that they lie along, where it is not that of the outputs.
  private(set) var dimension: Int?
  /// The pattern of the projection whose inputs tell how large they are.
  private(set) var sibling: String?
  /// The name of the whole tensor where it cannot be cut; nil for its own name.
  private(set) var whole: String?
  /// Patterns of the layer's other tensors, of which one has to be there: libraries share names and differ in what they mean.
  private(set) var conditions: [String] = []
  /// Patterns of the layer's other tensors, of which none may be there.
  private(set) var exceptions: [String] = []

  init(
    _ pattern: String, _ stack: TensorPlace.Stack = .decoder, _ names: String..., transposed: Bool = false,
    minusOne: Bool = false, vector: Bool = false
  ) {
    self.init(pattern, stack, names: names, transposed: transposed, minusOne: minusOne, vector: vector)
  }

  init(
    _ pattern: String, _ stack: TensorPlace.Stack = .decoder, names: [String], transposed: Bool,
    minusOne: Bool = false, vector: Bool = false
  ) {
    self.pattern = pattern
    self.stack = stack
    self.names = names
    isTransposed = transposed
    isGainStoredMinusOne = minusOne
    isVector = vector
  }

  /// The rule for parts that lie otherwise than one after the other in equal size.
  func fused(
    _ fusion: Fusion, along dimension: Int? = nil, by sibling: String? = nil, whole: String? = nil
  ) -> NameRule {
    var rule = self
    (rule.fusion, rule.dimension, rule.sibling, rule.whole) = (fusion, dimension, sibling, whole)
    return rule
  }

  /// The rule where one of some tensors is there, and none of some others.
  func when(_ conditions: String..., unless exceptions: [String] = []) -> NameRule {
    var rule = self
    rule.conditions += conditions
    rule.exceptions += exceptions
    return rule
  }

  /// Rules with `weight` and `bias` for `{kind}`.
  var expanded: [NameRule] {
    guard pattern.contains("{kind}") else { return [self] }
    return ["weight", "bias"].map { kind in
      var rule = self
      rule.pattern = pattern.replacing("{kind}", with: kind)
      rule.names = names.map { $0.replacing("{kind}", with: kind) }
      rule.whole = whole?.replacing("{kind}", with: kind)
      return rule
    }
  }
}

/// A rule in the form in which names are compared with it.
struct CompiledRule: Sendable {
  enum Component: Equatable, Sendable {
    case literal(Substring)
    case layer(factor: Int, offset: Int)
    case expert
  }

  let rule: NameRule
  private let components: [Component]

  init(_ rule: NameRule) {
    self.rule = rule
    components = rule.pattern.split(separator: ".").map(Self.component)
  }

  private static func component(_ text: Substring) -> Component {
    guard text.hasPrefix("{"), text.hasSuffix("}") else { return .literal(text) }
    if text == "{expert}" { return .expert }
    let parts = text.dropFirst().dropLast().split(separator: "+")
    guard parts[0].hasSuffix("layer") else { preconditionFailure("no pattern: \(text)") }
    return .layer(
      factor: Int(parts[0].dropLast("layer".count)) ?? 1, offset: parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
  }

  /// Equal for names that may match: numbers stand for layers, or for themselves.
  var key: String {
    components.map { component in
      switch component {
      case .literal(let text): wholeNumber(text) == nil ? String(text) : "#"
      case .layer, .expert: "#"
      }
    }.joined(separator: ".")
  }

  /// Whether a name is one of the pattern's, and of which layer and expert.
  func match(_ reading: StoredName.Reading) -> Match? {
    guard reading.components.count == components.count else { return nil }
    var match = Match(rule: rule, beginning: reading.beginning)
    for (component, text) in zip(components, reading.components) {
      switch component {
      case .literal(let literal):
        if literal != text { return nil }
      case .expert:
        guard let number = wholeNumber(text) else { return nil }
        match.expert = number
      case .layer(let factor, let offset):
        guard let number = wholeNumber(text), number >= offset, (number - offset).isMultiple(of: factor)
        else {
          return nil
        }
        match.layer = (number - offset) / factor
        match.storedLayer = text
        match.factor = factor
      }
    }
    return match
  }

  /// A name that follows a rule.
  struct Match {
    let rule: NameRule
    /// What stands before the table's own names, with its dot.
    let beginning: String
    fileprivate(set) var layer: Int?
    fileprivate(set) var expert: Int?
    /// The layer's number as it stands in the name.
    fileprivate(set) var storedLayer: Substring?
    /// Numbers of a layer in a model that counts its sublayers.
    fileprivate(set) var factor = 1

    /// What stands before the layer's number, without its dot; nil outside the layers.
    var storedStack: String? {
      guard storedLayer != nil else { return nil }
      return String((beginning + rule.pattern.prefix { $0 != "{" }).dropLast())
    }

    /// The name that a pattern has in this tensor's layer.
    func fullName(_ pattern: String) -> String {
      beginning
        + pattern.split(separator: ".").map { $0.hasSuffix("layer}") ? storedLayer ?? $0 : $0 }
        .joined(separator: ".")
    }

    /// Whether the structure around a tensor is the one that its rule is of.
    func agrees(with names: Set<String>) -> Bool {
      (rule.conditions.isEmpty || rule.conditions.contains { names.contains(fullName($0)) })
        && !rule.exceptions.contains { names.contains(fullName($0)) }
    }

    /// Whether fused queries, keys and values lie where the rule says.
    func fits(_ tensor: TensorInfo) -> Bool {
      guard rule.names.count == 3, rule.fusion == .equal, tensor.shape.count == 2 else { return true }
      let (outputs, inputs) = rule.isTransposed ? (1, 0) : (0, 1)
      return tensor.shape[outputs] / 3 == tensor.shape[inputs]
    }
  }
}
