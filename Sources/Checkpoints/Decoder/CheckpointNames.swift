/// Names of a checkpoint's tensors that no table knows, and which of a decoder's parameters each is.
public struct CheckpointNames: Equatable, Sendable {
  /// One line: a pattern of stored names, and the parameters that such a tensor holds.
  public struct Rule: Equatable, Sendable {
    /// The stored name; `{layer}` stands for a layer's number.
    public var pattern: String
    /// Names within the layer, or full names where the pattern has no layer; several are parts of one tensor, along its outputs.
    public var parameters: [String]
    /// Whether it is stored as `(inputs, outputs)`.
    public var isTransposed: Bool
    /// Whether several parts alternate row by row instead of following each other.
    public var isAlternating: Bool

    /// Creates a rule.
    public init(
      pattern: String, parameters: [String], isTransposed: Bool = false, isAlternating: Bool = false
    ) {
      self.pattern = pattern
      self.parameters = parameters
      self.isTransposed = isTransposed
      self.isAlternating = isAlternating
    }

    /// What is wrong with it; nil where nothing is.
    public var problem: String? {
      let components = pattern.split(separator: ".", omittingEmptySubsequences: false)
      let layers = components.filter { $0 == "{layer}" }.count
      if components.contains(where: \.isEmpty) || parameters.contains(where: \.isEmpty) {
        return "a name is empty"
      }
      if components.contains(where: { $0 != "{layer}" && ($0.contains("{") || $0.contains("}")) }) {
        return "\(pattern): between dots, {layer} alone stands for a number"
      }
      if layers > 1 { return "\(pattern): {layer} may stand in it once" }
      let isInLayer = layers == 1
      if let other = parameters.first(where: { $0.hasPrefix("decoder.") == isInLayer }) {
        return isInLayer
          ? "\(other) lies outside the layers, but \(pattern) is a layer's"
          : "\(other) is a layer's, but \(pattern) has no {layer}"
      }
      return nil
    }
  }

  /// The lines.
  public let rules: [Rule]

  /// - Precondition: no rule has a ``Rule/problem``.
  public init(rules: [Rule]) {
    precondition(rules.allSatisfy { $0.problem == nil })
    self.rules = rules
  }

  /// The table that places tensors by these names.
  var adapter: NameAdapter {
    NameAdapter(
      "own-names", title: "your own", order: .preLN,
      rules: rules.map { rule in
        let own = NameRule(rule.pattern, names: rule.parameters, transposed: rule.isTransposed)
        if rule.isAlternating { return own.fused(.alternating) }
        // With fewer heads of keys and values the parts differ in size; the output projection tells how many are queries.
        return rule.isOfAttention
          ? outputProjection(like: rule).map { own.fused(.queries, by: $0) } ?? own : own
      })
  }

  private func outputProjection(like rule: Rule) -> String? {
    rules.first { $0.parameters == ["self_attn.out_proj.weight"] && $0.isTransposed == rule.isTransposed }?
      .pattern
  }
}

extension CheckpointNames.Rule {
  /// Whether it is of queries, keys and values in one tensor.
  fileprivate var isOfAttention: Bool {
    ["weight", "bias"].contains { kind in
      parameters == ["q", "k", "v"].map { "self_attn.\($0)_proj.\(kind)" }
    }
  }
}
