import Yams

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
