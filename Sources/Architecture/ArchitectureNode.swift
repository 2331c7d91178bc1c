import Text
import Yams

/// A place in an architecture's file, which knows how to complain.
struct ArchitectureNode {
  private let node: Node
  private let file: String
  /// The key that it stands under, for messages.
  private let name: String

  /// Reads YAML.
  static func root(of text: String, file: String) throws(ArchitectureError) -> ArchitectureNode {
    do {
      guard let node = try Yams.compose(yaml: text) else {
        throw ArchitectureError(description: "\(file) is empty")
      }
      return ArchitectureNode(node: node, file: file, name: "the file")
    } catch let error as ArchitectureError {
      throw error
    } catch let error as YamlError {
      throw ArchitectureError(description: "\(file)\(explanation(error))")
    } catch {
      throw ArchitectureError(description: "\(file): \(error)")
    }
  }

  private static func explanation(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      ", line \(mark.line) is no YAML: \(problem)"
    case .duplicatedKeysInMapping(let keys, let context):
      ", line \(context.mark.line): \(keys.map { "\($0)" }.joined(separator: ", ")) is given twice"
    default: " is no YAML"
    }
  }

  /// A complaint about this place.
  func error(_ message: String) -> ArchitectureError {
    let line = node.mark.map { ", line \($0.line)" } ?? ""
    return ArchitectureError(description: "\(file)\(line): \(message)")
  }

  private func with(_ node: Node, name: String) -> ArchitectureNode {
    ArchitectureNode(node: node, file: file, name: name)
  }

  /// As it was written.
  var text: String { node.scalar?.string ?? "" }

  var isSequence: Bool { node.sequence != nil }

  var isMapping: Bool { node.mapping != nil }

  private var isNothing: Bool { node.scalar.map { ["", "~", "null"].contains($0.string) } ?? false }

  // MARK: - Structure

  /// The values of a mapping, all of whose keys are among those of a type.
  func mapping<Key: RawRepresentable & CaseIterable & Hashable>(
    _: Key.Type
  ) throws(ArchitectureError) -> [Key: ArchitectureNode] where Key.RawValue == String {
    try checkKeys(Key.allCases.map(\.rawValue))
    return keys(Key.self)
  }

  /// The values of those keys that are there.
  func keys<Key: RawRepresentable & CaseIterable & Hashable>(
    _: Key.Type
  ) -> [Key: ArchitectureNode] where Key.RawValue == String {
    var found: [Key: ArchitectureNode] = [:]
    for key in Key.allCases { found[key] = child(key.rawValue) }
    return found
  }

  func child(_ key: String) -> ArchitectureNode? { node.mapping?[key].map { with($0, name: key) } }

  func hasKey(_ key: String) -> Bool { node.mapping?[key] != nil }

  func checkKeys(_ known: [String]) throws(ArchitectureError) {
    if isNothing { return }
    guard let mapping = node.mapping else {
      throw error("\"\(name)\" must hold keys and values: \(known.joined(separator: ", "))")
    }
    for (key, _) in mapping {
      let key = with(key, name: name)
      guard known.contains(key.text) else { throw key.unknown(key.text, among: known) }
    }
  }

  func elements() throws(ArchitectureError) -> [ArchitectureNode] {
    guard let sequence = node.sequence else { throw error("\"\(name)\" must be a list") }
    return sequence.map { with($0, name: name) }
  }

  /// A block in which every sublayer of a kind has other values under some of its keys.
  func replacing(_ overrides: [String: ArchitectureNode]) -> ArchitectureNode {
    guard let sequence = node.sequence else { return self }
    let changed = sequence.map { element -> Node in
      guard var mapping = element.mapping else { return element }
      for (kind, override) in overrides {
        guard let value = mapping[kind], let other = override.node.mapping else { continue }
        var merged = value.mapping ?? Node.Mapping([])
        for (key, value) in other { merged[key] = value }
        mapping[kind] = .mapping(merged)
      }
      return .mapping(mapping)
    }
    return with(.sequence(Node.Sequence(changed, .implicit, .any, node.mark)), name: name)
  }

  // MARK: - Values

  private func unknown(_ word: String, among known: [String]) -> ArchitectureError {
    error(
      "\"\(word)\" is no word of \"\(name)\"\(suggestion(for: word, among: known)); there are "
        + known.joined(separator: ", "))
  }

  func string() throws(ArchitectureError) -> String {
    guard let scalar = node.scalar else { throw error("\"\(name)\" must be text") }
    return scalar.string
  }

  func flag() throws(ArchitectureError) -> Bool {
    switch text {
    case "yes", "true", "on": return true
    case "no", "false", "off", "none": return false
    default: throw error("\"\(name)\" is yes or no, not \"\(text)\"")
    }
  }

  func word(of known: [String]) throws(ArchitectureError) -> String {
    guard known.contains(text) else { throw unknown(text, among: known) }
    return text
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _: Choice.Type
  ) throws(ArchitectureError) -> Choice where Choice.RawValue == String {
    guard let choice = Choice(rawValue: text) else {
      throw unknown(text, among: Choice.allCases.map(\.rawValue))
    }
    return choice
  }

  func integer(_ range: ClosedRange<Int>) throws(ArchitectureError) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw error("\"\(name)\" must be a whole number of at least \(range.lowerBound), not \"\(text)\"")
    }
    return number
  }

  func optionalInteger(_ range: ClosedRange<Int>) throws(ArchitectureError) -> Int? {
    text == "none" ? nil : try integer(range)
  }

  func positive() throws(ArchitectureError) -> Double {
    guard let number = Double(text), number > 0, number.isFinite else {
      throw error("\"\(name)\" must be a number above 0, not \"\(text)\"")
    }
    return number
  }

  func expression() throws(ArchitectureError) -> Expression {
    guard node.scalar != nil else { throw error("\"\(name)\" must be a number, like 0.5 or 1/sqrt(l)") }
    do { return try Expression(parsing: text) } catch { throw self.error("\"\(name)\": \(error)") }
  }
}

// MARK: - Norms, scales, positions

extension ArchitectureNode {
  private enum NormKey: String, CaseIterable { case kind, epsilon, gain, bias, per, factor, slope }
  private enum Gain: String, CaseIterable {
    case plain
    case minusOne = "minus-one"
  }
  private enum Extent: String, CaseIterable { case width, head }

  /// `yes`, `no`, a kind, or keys and values on top of the default.
  func norm(
    default usual: NormDescription, canBePerHead: Bool = true
  ) throws(ArchitectureError) -> NormDescription? {
    if node.scalar != nil {
      if let kind = NormDescription.Kind(rawValue: text) {
        return kind == usual.kind ? usual : NormDescription(kind)
      }
      guard ["yes", "true", "on", "no", "false", "off", "none"].contains(text) else {
        throw error("a norm is yes, no, layer, rms, dyt, or keys and values, not \"\(text)\"")
      }
      return try flag() ? usual : nil
    }
    let keys = try mapping(NormKey.self)
    let kind = try keys[.kind]?.choice(NormDescription.Kind.self) ?? usual.kind
    var norm = kind == usual.kind ? usual : NormDescription(kind)
    if let epsilon = keys[.epsilon] { norm.epsilon = try epsilon.positive() }
    if let gain = keys[.gain] { norm.isGainStoredMinusOne = try gain.choice(Gain.self) == .minusOne }
    if let bias = keys[.bias] { norm.hasBias = try bias.flag() }
    if let per = keys[.per] {
      norm.isPerHead = try per.choice(Extent.self) == .head
      if norm.isPerHead, !canBePerHead {
        throw per.error("\"per: head\" is for q-norm, k-norm, v-norm and heads-norm")
      }
    }
    norm.factor = try keys[.factor]?.expression() ?? norm.factor
    if let slope = keys[.slope] {
      guard kind == .dyt else { throw slope.error("\"slope\" is a dyt's") }
      norm.slope = try slope.positive()
    }
    if kind == .dyt, norm.isPerHead { throw error("a dyt cannot stand on each head by itself") }
    return norm
  }

  private enum ScaleKey: String, CaseIterable { case learned, from }
  private enum Learned: String, CaseIterable { case scalar, vector }

  /// A number, or what is learned.
  ///
  /// - Parameter canBeProfiled: whether a pass over a batch may set where it starts.
  func scale(canBeProfiled: Bool = false) throws(ArchitectureError) -> ScaleDescription {
    if node.scalar != nil { return .constant(try expression()) }
    let keys = try mapping(ScaleKey.self)
    guard let learned = keys[.learned] else {
      throw error("\"\(name)\" is a number, or has \"learned: scalar\" or vector")
    }
    let kind = try learned.choice(Learned.self)
    if let from = keys[.from], from.text == "profile" {
      guard canBeProfiled, kind == .vector else {
        throw from.error("\"from: profile\" is for a learned vector on the residual")
      }
      return .profiledVector
    }
    let start = try keys[.from]?.expression() ?? Expression(1)
    return kind == .scalar ? .scalar(start: start) : .vector(start: start)
  }

  private enum RotaryKey: String, CaseIterable { case theta, share, pairing }

  func rotary() throws(ArchitectureError) -> RotaryDescription? {
    if node.scalar != nil {
      do { return try flag() ? RotaryDescription() : nil } catch {
        throw self.error("\"\(name)\" is yes, no, or has theta, share or pairing, not \"\(text)\"")
      }
    }
    let keys = try mapping(RotaryKey.self)
    var rotary = RotaryDescription()
    if let theta = keys[.theta] { rotary.theta = try theta.positive() }
    if let share = keys[.share] {
      rotary.share = try share.positive()
      guard rotary.share <= 1 else { throw share.error("\"share\" is at most 1, the whole head") }
    }
    if let pairing = keys[.pairing] { rotary.pairing = try pairing.choice(RotaryPairing.self) }
    return rotary
  }

  func gate() throws(ArchitectureError) -> FFNDescription.Gate {
    if let gate = FFNDescription.Gate(rawValue: text) { return gate }
    do { return try flag() ? .separate : .none } catch {
      throw self.error("\"\(name)\" is yes (two tensors), fused (one) or no, not \"\(text)\"")
    }
  }

  func layers() throws(ArchitectureError) -> LayerException.Layers {
    if isSequence {
      var numbers: Set<Int> = []
      for element in try elements() { numbers.insert(try element.integer(1...1_000_000)) }
      return .numbers(numbers)
    }
    let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
    let wanted =
      "\"layers\" is first N, last N, every N or a list of numbers, where N may be like L/4, not \"\(text)\""
    guard parts.count == 2 else { throw error(wanted) }
    switch parts[0] {
    case "every":
      guard let interval = Int(parts[1]), interval > 0 else { throw error(wanted) }
      return .every(interval)
    case "first", "last":
      do {
        let count = try Expression(parsing: parts[1])
        return parts[0] == "first" ? .first(count) : .last(count)
      } catch { throw self.error("\"layers\": \(error)") }
    default: throw error(wanted)
    }
  }
}

extension NormDescription {
  /// A kind with what is usual for it.
  init(_ kind: Kind) {
    self.init()
    self.kind = kind
    hasBias = kind != .rms
  }
}

extension EmbeddingDescription {
  private enum Key: String, CaseIterable { case scale, positions, norm }

  init(_ node: ArchitectureNode, norm: NormDescription) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    if let scale = keys[.scale] { self.scale = try scale.expression() }
    self.norm = try keys[.norm]?.norm(default: norm, canBePerHead: false)
    guard let positions = keys[.positions] else { return }
    switch positions.text {
    case "sinusoidal": self.positions = .sinusoidal
    case "learned": self.positions = .learned(offset: 0)
    case "none", "no", "false": self.positions = .none
    case "":
      let offset = try positions.mapping(OffsetKey.self)[.learnedFrom]?.integer(0...1_000_000)
      self.positions = .learned(offset: offset ?? 0)
    default:
      throw positions.error(
        "\"positions\" is sinusoidal, learned, none, or {learned-from: ROW}, not \"\(positions.text)\"")
    }
  }

  private enum OffsetKey: String, CaseIterable { case learnedFrom = "learned-from" }
}

extension HeadDescription {
  private enum Key: String, CaseIterable {
    case norm, tied, bias, multiplier
    case softCap = "soft-cap"
  }

  init(_ node: ArchitectureNode, norm: NormDescription) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    self.norm = try keys[.norm]?.norm(default: norm, canBePerHead: false)
    isTied = try keys[.tied]?.flag() ?? true
    hasBias = try keys[.bias]?.flag() ?? false
    if hasBias, isTied, let bias = keys[.bias] {
      throw bias.error("a tied head has no bias; say \"tied: no\"")
    }
    softCap = try keys[.softCap]?.positive()
    multiplier = try keys[.multiplier]?.expression()
  }
}

extension InitialDescription {
  private enum Key: String, CaseIterable { case scheme, gains }

  init(_ node: ArchitectureNode) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    scheme = try keys[.scheme]?.choice(Initialization.self)
    guard let gains = keys[.gains] else { return }
    try gains.checkKeys(Self.projections.sorted())
    for projection in Self.projections {
      self.gains[projection] = try gains.child(projection)?.expression()
    }
  }
}

extension SizeDescription {
  private enum Key: String, CaseIterable {
    case keyValueHeads = "kv-heads"
    case headDim = "head-dim"
    case ffnDim = "ffn-dim"
  }

  init(_ node: ArchitectureNode) throws(ArchitectureError) {
    self.init()
    let keys = try node.mapping(Key.self)
    keyValueHeadCount = try keys[.keyValueHeads]?.expression()
    headDim = try keys[.headDim]?.expression()
    ffnDim = try keys[.ffnDim]?.expression()
  }
}
