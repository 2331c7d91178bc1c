import Architecture
import RunData

/// How a library names the tensors of its models: a table from those names to places in fairseq's names.
public struct NameAdapter: Sendable {
  /// In what order a layer's tensors are passed.
  enum Order: Equatable, Sendable {
    case preLN
    case postLN
    /// Pre-LN where there is a norm after the stack.
    case preLNWithFinalNorm
  }

  /// What a reader of figures should know, where tensors with this name (within a layer, or full) are there.
  struct Trap: Equatable, Encodable, Sendable {
    let name: String
    let note: String
    /// Metadata that say it themselves.
    let unlessStated: String?

    /// Whether it is about how norms' gains are stored.
    var isOfGains: Bool { name.hasSuffix("layer_norm.weight") }

    init(_ name: String, _ note: String, unlessStated: String? = nil) {
      self.name = name
      self.note = note
      self.unlessStated = unlessStated
    }
  }

  /// The adapter's name, e.g. `fairseq`.
  public let name: String
  /// Whose names these are, for a person.
  public let title: String
  /// Where γ multiplies in this library; nil where its versions differ.
  public let headScalePlacement: HeadScalePlacement?
  let order: Order
  /// Whether keys are turned by their positions, in some of these models at least: then the gradient of their bias is not zero.
  let hasRotaryPositions: Bool
  /// Beginnings that names may have and that say nothing.
  private(set) var prefixes: [String]
  let rules: [NameRule]
  /// Patterns of what is stored and no computation reads.
  let bookkeeping: [String]
  let traps: [Trap]
  private let compiled: [String: [CompiledRule]]
  private let compiledBookkeeping: [CompiledRule]

  init(
    _ name: String, title: String, order: Order, headScalePlacement: HeadScalePlacement? = nil,
    hasRotaryPositions: Bool = false, prefixes: [String] = [], rules: [NameRule], bookkeeping: [String] = [],
    traps: [Trap] = []
  ) {
    self.name = name
    self.title = title
    self.order = order
    self.hasRotaryPositions = hasRotaryPositions
    self.headScalePlacement = headScalePlacement
    self.prefixes = prefixes
    self.rules = rules
    self.bookkeeping = bookkeeping
    self.traps = traps
    compiled = Dictionary(grouping: rules.flatMap(\.expanded).map(CompiledRule.init), by: \.key)
    compiledBookkeeping = bookkeeping.map { CompiledRule(NameRule($0, .none)) }
  }

  /// The table of a name, e.g. `gpt2`; nil where there is none.
  public static func named(_ name: String) -> NameAdapter? { all.first { $0.name == name } }

  /// The rule that a name follows, where the structure around it is the rule's.
  ///
  /// - Parameter names: all names that are there; nil to go by the name alone.
  func match(_ name: StoredName, among names: Set<String>?) -> CompiledRule.Match? {
    for reading in name.readings where reading.beginning.isEmpty || prefixes.contains(reading.beginning) {
      for rule in compiled[reading.key] ?? [] {
        if let match = rule.match(reading), names.map(match.agrees) ?? true { return match }
      }
    }
    return nil
  }

  func isBookkeeping(_ name: StoredName) -> Bool {
    name.readings.contains { reading in
      (reading.beginning.isEmpty || prefixes.contains(reading.beginning))
        && compiledBookkeeping.contains { $0.match(reading) != nil }
    }
  }

  /// The same names behind one more beginning, with and without the library's own behind it: the head stands outside of what that names.
  private func prefixed(_ prefix: String) -> NameAdapter {
    var adapter = self
    if !prefix.isEmpty { adapter.prefixes += [prefix] + prefixes.map { prefix + $0 } }
    return adapter
  }

  /// The adapter that knows most of the names, with what they begin with; nil where none knows any.
  static func best(of adapters: [NameAdapter] = all, for tensors: [TensorInfo]) -> NameAdapter? {
    let all = Set(tensors.map { StoredName($0.name).bare })
    let sample = sample(of: tensors)
    let total = sample.reduce(0) { $0 + $1.weight }
    var best: (adapter: NameAdapter, score: Int)?
    for prefix in beginnings(of: sample.map(\.name)) {
      for adapter in adapters.map({ $0.prefixed(prefix) }) {
        let score = sample.reduce(0) { score, kind in
          let fits = adapter.match(kind.name, among: all)?.fits(kind.tensor) ?? false
          return score + (fits ? kind.weight : 0)
        }
        if score > best?.score ?? 0 { best = (adapter, score) }
      }
      if best?.score == total { break }
    }
    return best?.adapter
  }

  /// A tensor of each kind, with how many there are: layers repeat, and sublayers in twos or threes.
  private static func sample(
    of tensors: [TensorInfo]
  ) -> [(tensor: TensorInfo, name: StoredName, weight: Int)] {
    var kinds: [(tensor: TensorInfo, name: StoredName, weight: Int)] = []
    var indices: [String: Int] = [:]
    for tensor in tensors {
      let name = StoredName(tensor.name)
      let kind = name.readings[0].components.map { part in
        wholeNumber(part).map { "#\($0 % 6)" } ?? String(part)
      }.joined(separator: ".")
      if let index = indices[kind] {
        kinds[index].weight += 1
      } else {
        indices[kind] = kinds.count
        kinds.append((tensor, name, 1))
      }
    }
    return kinds
  }

  /// What a model may be called inside a larger one: the commonest beginnings of names, nothing first.
  private static func beginnings(of names: [StoredName]) -> [String] {
    var counts: [String: Int] = [:]
    for reading in names.flatMap(\.readings) { counts[reading.beginning, default: 0] += 1 }
    counts[""] = nil
    let common = counts.sorted { ($1.value, $0.key.count, $0.key) < ($0.value, $1.key.count, $1.key) }
    return [""] + common.prefix(8).map(\.key)
  }
}
