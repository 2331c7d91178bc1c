import RunData

/// How a library names the tensors of its models: a table from those names to places in fairseq's names.
public struct NameAdapter: Sendable {
  /// In what order a layer's tensors are passed.
  enum Order: Equatable, Sendable {
    case preLN
    case postLN
    /// Pre-LN where there is a tensor with this full name, the norm after the stack.
    case preLNWithFinalNorm(String)
  }

  /// What a reader of figures should know, where tensors with this name (within a layer, or full) are there.
  struct Trap: Equatable, Sendable {
    let name: String
    let note: String
  }

  /// The adapter's name, e.g. `fairseq`.
  public let name: String
  /// Whose names these are, for a person.
  public let title: String
  /// Where γ multiplies in this library; nil where its versions differ.
  public let headScalePlacement: HeadScalePlacement?
  let order: Order
  /// Beginnings that names may have and that say nothing.
  let prefixes: [String]
  let rules: [NameRule]
  /// Patterns of what is stored and no computation reads.
  let bookkeeping: [String]
  let traps: [Trap]
  private let compiled: [String: [CompiledRule]]
  private let compiledBookkeeping: [CompiledRule]

  init(
    _ name: String, title: String, order: Order, headScalePlacement: HeadScalePlacement? = nil,
    prefixes: [String] = [], rules: [NameRule], bookkeeping: [String] = [], traps: [Trap] = []
  ) {
    self.name = name
    self.title = title
    self.order = order
    self.headScalePlacement = headScalePlacement
    self.prefixes = prefixes
    self.rules = rules
    self.bookkeeping = bookkeeping
    self.traps = traps
    compiled = Dictionary(grouping: rules.flatMap(\.expanded).map(CompiledRule.init), by: \.key)
    compiledBookkeeping = bookkeeping.map { CompiledRule(NameRule($0, .none, names: [])) }
  }

  /// What wrappers put before every name: data parallelism, compilation, sharding.
  private static let wrappers = ["module.", "_orig_mod.", "_forward_module.", "_fsdp_wrapped_module."]

  /// The ways to read a name, the one as it stands first.
  private func components(_ name: String) -> [[Substring]] {
    var bare = name[...]
    while let wrapper = Self.wrappers.first(where: { bare.hasPrefix($0) }) {
      bare = bare.dropFirst(wrapper.count)
    }
    let readings = [bare] + prefixes.filter { bare.hasPrefix($0) }.map { bare.dropFirst($0.count) }
    return readings.map { $0.split(separator: ".", omittingEmptySubsequences: false) }
  }

  /// The rule that a name follows, and the layer that it states.
  func match(_ name: String) -> CompiledRule.Match? {
    for components in components(name) {
      for rule in compiled[CompiledRule.key(of: components)] ?? [] {
        if let match = rule.match(components) { return match }
      }
    }
    return nil
  }

  func isBookkeeping(_ name: String) -> Bool {
    components(name).contains { components in
      compiledBookkeeping.contains { $0.match(components) != nil }
    }
  }

  /// The adapter that knows most of the names; nil where none knows any.
  static func best(for tensors: [TensorInfo]) -> NameAdapter? {
    // Layers repeat: a part of the names tells as much as all of a large model's.
    let sample = tensors.prefix(2000)
    let scores = all.map { adapter in sample.count { adapter.match($0.name) != nil } }
    guard let most = scores.max(), most > 0, let index = scores.firstIndex(of: most) else { return nil }
    return all[index]
  }
}
