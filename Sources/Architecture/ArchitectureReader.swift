import Yams

/// What is wrong with an architecture's file, where, and what would be right.
public struct ArchitectureError: Error, Equatable, CustomStringConvertible {
  /// One sentence, with the file and the line.
  public let description: String
}

extension ArchitectureDescription {
  /// The version of the language that this program reads.
  public static let languageVersion = 1

  /// Reads a description.
  ///
  /// - Parameters:
  ///   - text: YAML in the words of the architecture language.
  ///   - name: what the architecture is called from now on.
  ///   - file: how messages name the text.
  /// - Throws: ``ArchitectureError`` with file, line and what would be right.
  public init(parsing text: String, name: String, file: String) throws(ArchitectureError) {
    let root = try ArchitectureNode.root(of: text, file: file)
    let keys = try root.mapping(TopKey.self)
    guard let version = keys[.architecture] else {
      throw root.error("\"architecture: \(Self.languageVersion)\", the version of the language, is missing")
    }
    guard try version.integer(1...Int.max) == Self.languageVersion else {
      throw version.error(
        "is written in version \(version.text) of the language; this program reads version \(Self.languageVersion)"
      )
    }
    guard let block = keys[.block] else { throw root.error("\"block\", the list of sublayers, is missing") }

    var defaults = SublayerReader(norm: NormDescription(), hasBiases: true)
    if let norm = keys[.norm] {
      defaults.norm = try norm.norm(default: NormDescription()) ?? NormDescription()
    }
    if let biases = keys[.biases] { defaults.hasBiases = try biases.flag() }
    self.init(name: name, block: try defaults.block(block))
    self.text = text
    title = try keys[.title]?.string() ?? name
    summary = try keys[.summary]?.string() ?? ""
    equation = try keys[.equation]?.string() ?? ""
    source = try keys[.source]?.string() ?? ""
    if let node = keys[.embedding] { embedding = try EmbeddingDescription(node, norm: defaults.norm) }
    if let node = keys[.head] { head = try HeadDescription(node, norm: defaults.norm) }
    if let node = keys[.initial] { initial = try InitialDescription(node) }
    if let node = keys[.sizes] { sizes = try SizeDescription(node) }
    if let node = keys[.exceptions] {
      exceptions = try node.elements().map { element throws(ArchitectureError) in
        try defaults.exception(element, block: block)
      }
    }
  }

  private enum TopKey: String, CaseIterable {
    case architecture, title, summary, equation, source, norm, biases, embedding, block, exceptions, head
    case initial, sizes
  }
}

// MARK: - Sublayers

/// Reads sublayers with what the file says for all of them.
struct SublayerReader {
  var norm: NormDescription
  var hasBiases: Bool

  enum Kind: String, CaseIterable { case attention, ffn, parallel }

  enum SurroundingKey: String, CaseIterable {
    case inputNorm = "input-norm"
    case branchNorm = "branch-norm"
    case outputNorm = "output-norm"
    case branchScale = "branch-scale"
    case residualScale = "residual-scale"
    case addInput = "add-input"
  }

  func block(_ node: ArchitectureNode) throws(ArchitectureError) -> [SublayerDescription] {
    let elements = try node.elements()
    guard !elements.isEmpty else { throw node.error("a block needs a sublayer: attention, ffn or parallel") }
    return try elements.map { element throws(ArchitectureError) in try sublayer(element, inParallel: false) }
  }

  private func sublayer(
    _ node: ArchitectureNode, inParallel: Bool
  ) throws(ArchitectureError) -> SublayerDescription {
    let keys = try node.mapping(Kind.self)
    guard keys.count == 1, let (kind, value) = keys.first else {
      throw node.error("one sublayer a line: attention, ffn or parallel")
    }
    if inParallel {
      for wrong in ["output-norm", "residual-scale", "add-input"] where value.hasKey(wrong) {
        throw value.error("\"\(wrong)\" has no place on one of several branches; it belongs to \"parallel\"")
      }
    }
    switch kind {
    case .attention: return try attention(value)
    case .ffn: return try feedForward(value)
    case .parallel:
      guard !inParallel else { throw value.error("\"parallel\" cannot stand in another") }
      return try parallel(value)
    }
  }

  private func surroundings(_ node: ArchitectureNode) throws(ArchitectureError) -> Surroundings {
    var surroundings = Surroundings()
    let keys = node.keys(SurroundingKey.self)
    surroundings.inputNorm = try keys[.inputNorm]?.norm(default: norm, canBePerHead: false)
    surroundings.branchNorm = try keys[.branchNorm]?.norm(default: norm, canBePerHead: false)
    surroundings.outputNorm = try keys[.outputNorm]?.norm(default: norm, canBePerHead: false)
    surroundings.branchScale = try keys[.branchScale]?.scale()
    surroundings.residualScale = try keys[.residualScale]?.scale(canBeProfiled: true)
    surroundings.addsLayerInput = try keys[.addInput]?.flag() ?? false
    return surroundings
  }

  private enum AttentionKey: String, CaseIterable {
    case queryNorm = "q-norm"
    case keyNorm = "k-norm"
    case valueNorm = "v-norm"
    case headsNorm = "heads-norm"
    case headScale = "head-scale"
    case rotary, window, biases
    case scoreScale = "scale"
    case softCap = "soft-cap"
  }

  private func attention(_ node: ArchitectureNode) throws(ArchitectureError) -> SublayerDescription {
    try node.checkKeys(AttentionKey.allCases.map(\.rawValue) + SurroundingKey.allCases.map(\.rawValue))
    let keys = node.keys(AttentionKey.self)
    var attention = AttentionDescription()
    attention.queryNorm = try keys[.queryNorm]?.norm(default: norm)
    attention.keyNorm = try keys[.keyNorm]?.norm(default: norm)
    attention.valueNorm = try keys[.valueNorm]?.norm(default: norm)
    attention.headsNorm = try keys[.headsNorm]?.norm(default: norm)
    attention.headScale = try keys[.headScale]?.choice(HeadScalePlacement.self)
    attention.rotary = try keys[.rotary]?.rotary()
    attention.window = try keys[.window]?.optionalInteger(1...1_000_000_000)
    attention.scoreScale = try keys[.scoreScale]?.expression()
    attention.softCap = try keys[.softCap]?.positive()
    attention.biases = try biases(keys[.biases], of: AttentionDescription.projections)
    return .attention(attention, try surroundings(node))
  }

  private enum FFNKey: String, CaseIterable {
    case innerNorm = "inner-norm"
    case activation, gated, biases
  }

  private func feedForward(_ node: ArchitectureNode) throws(ArchitectureError) -> SublayerDescription {
    try node.checkKeys(FFNKey.allCases.map(\.rawValue) + SurroundingKey.allCases.map(\.rawValue))
    let keys = node.keys(FFNKey.self)
    var ffn = FFNDescription()
    ffn.innerNorm = try keys[.innerNorm]?.norm(default: norm, canBePerHead: false)
    ffn.activation = try keys[.activation]?.choice(ActivationFunction.self) ?? .gelu
    ffn.gate = try keys[.gated]?.gate() ?? .none
    ffn.biases = try biases(keys[.biases], of: FFNDescription.projections)
    return .feedForward(ffn, try surroundings(node))
  }

  private func parallel(_ node: ArchitectureNode) throws(ArchitectureError) -> SublayerDescription {
    try node.checkKeys(SurroundingKey.allCases.map(\.rawValue) + ["of"])
    guard let list = node.child("of") else {
      throw node.error("\"parallel\" needs \"of\", its list of sublayers")
    }
    let shared = try surroundings(node)
    guard shared.branchNorm == nil, shared.branchScale == nil else {
      throw node.error("a branch's norm or scale belongs to the branch, inside \"of\"")
    }
    let branches = try list.elements().map { element throws(ArchitectureError) in
      try sublayer(element, inParallel: true)
    }
    guard branches.count > 1 else { throw list.error("\"parallel\" needs at least two sublayers") }
    return .parallel(branches, shared: shared)
  }

  private func biases(
    _ node: ArchitectureNode?, of all: Set<String>
  ) throws(ArchitectureError) -> Set<String> {
    guard let node else { return hasBiases ? all : [] }
    guard node.isSequence else { return try node.flag() ? all : [] }
    var biases: Set<String> = []
    for element in try node.elements() { biases.insert(try element.word(of: all.sorted())) }
    return biases
  }

  // MARK: - Layers that differ

  private enum ExceptionKey: String, CaseIterable { case layers, block, attention, ffn }

  func exception(
    _ node: ArchitectureNode, block: ArchitectureNode
  ) throws(ArchitectureError) -> LayerException {
    let keys = try node.mapping(ExceptionKey.self)
    guard let layers = keys[.layers] else {
      throw node.error("\"layers\" is missing: first 2, last L/4, every 6")
    }
    let which = try layers.layers()
    if let whole = keys[.block] {
      guard keys.count == 2 else {
        throw node.error("\"block\" replaces the whole; beside it nothing is left to say")
      }
      return LayerException(layers: which, block: try self.block(whole))
    }
    guard keys[.attention] != nil || keys[.ffn] != nil else {
      throw node.error("say what differs: block, attention or ffn")
    }
    let overrides = [Kind.attention.rawValue: keys[.attention], Kind.ffn.rawValue: keys[.ffn]]
    for case let override? in overrides.values where !override.isMapping {
      throw override.error("say what differs in it, such as {rotary: no}")
    }
    return LayerException(
      layers: which, block: try self.block(block.replacing(overrides.compactMapValues { $0 })))
  }
}
