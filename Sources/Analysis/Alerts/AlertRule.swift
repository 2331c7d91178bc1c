import RunData
import Text

/// A rule over what a run records, which says when somebody is to look: `update/weight of any layer > 0.1 for 20 steps`.
public struct AlertRule: Hashable, Sendable, CustomStringConvertible {
  /// What is watched.
  public enum Quantity: Hashable, Sendable {
    case loss
    case gradientL2
    case statistic(GradientStatistic)
  }

  /// What is watched.
  public let quantity: Quantity
  /// The tensor within a layer; nil for every large one, of at least a sixteenth of the largest one's elements.
  public let operation: String?
  /// The layer; nil for any.
  public let layer: Int?
  /// Whether it speaks where the quantity is above the bound; else below.
  public let isAbove: Bool
  /// The bound.
  public let bound: Double
  /// Steps over which it must hold.
  public let stepCount: Int

  /// Reads a rule: `QUANTITY [of OPERATION] [in layer N] > NUMBER [for N steps]`; `<` for below, `of any layer` for all large tensors.
  ///
  /// - Throws: ``AlertRuleError`` for anything else.
  public init(parsing text: String) throws(AlertRuleError) {
    var words = text.split(separator: " ").map(String.init)[...]
    guard let quantity = words.popFirst().flatMap(Self.quantity) else {
      throw AlertRuleError(
        "'\(text)' begins with no quantity (loss, gradient-l2, \(Self.statisticNames)): \(Self.example)")
    }
    self.quantity = quantity
    let sides = words.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == ">" || $0 == "<" }
    guard sides.count == 2 else {
      throw AlertRuleError("'\(text)' has no > or < with spaces around: \(Self.example)")
    }
    isAbove = words.contains(">")
    (operation, layer) = try Self.place(sides[0], in: text)
    if case .statistic = quantity {
    } else if operation != nil || layer != nil {
      throw AlertRuleError("'\(text)': \(Self.word(quantity)) is the whole run's, and no layer's")
    }
    (bound, stepCount) = try Self.bound(sides[1], in: text)
  }

  /// The rule in the words that it is read from.
  public var description: String {
    var words = [Self.word(quantity)]
    if case .statistic = quantity {
      words.append("of \(operation ?? (layer.map { "layer \($0)" } ?? "any layer"))")
      if operation != nil, let layer { words.append("in layer \(layer)") }
    }
    words.append("\(isAbove ? ">" : "<") \(NumberText.shortest(bound))")
    if stepCount > 1 { words.append("for \(stepCount) steps") }
    return words.joined(separator: " ")
  }

  /// Reads rules with commas between them.
  ///
  /// - Throws: ``AlertRuleError``.
  public static func rules(_ text: String) throws(AlertRuleError) -> [AlertRule] {
    var rules: [AlertRule] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      rules.append(try AlertRule(parsing: String(part)))
    }
    return rules
  }

  /// The rules that a run was made with.
  ///
  /// - Throws: ``AlertRuleError`` for rules of a later program.
  public static func rules(of manifest: RunManifest) throws(AlertRuleError) -> [AlertRule] {
    let alerts = ConfigurationKeys.alerts(json: manifest.configurationJSON)
    return try alerts.map { text throws(AlertRuleError) in try rules(text) } ?? []
  }

  /// Whether it holds of a value; what is not measured has none.
  func holds(of value: Double) -> Bool { isAbove ? value > bound : value < bound }

  /// Whether it reads weights or updates.
  public var needsParameters: Bool {
    if case .statistic(let statistic) = quantity { !statistic.isOfGradient } else { false }
  }

  private static let example = "update/weight of any layer > 0.1 for 20 steps"
  private static let statisticNames = GradientStatistic.allCases.map(\.rawValue).joined(separator: ", ")

  private static func quantity(_ word: String) -> Quantity? {
    switch word {
    case "loss": .loss
    case "gradient-l2": .gradientL2
    default: GradientStatistic(rawValue: word).map { .statistic($0) }
    }
  }

  private static func word(_ quantity: Quantity) -> String {
    switch quantity {
    case .loss: "loss"
    case .gradientL2: "gradient-l2"
    case .statistic(let statistic): statistic.rawValue
    }
  }

  /// `[of any layer | of layer N | of OPERATION] [in any layer | in layer N]`.
  private static func place(
    _ words: ArraySlice<String>, in text: String
  ) throws(AlertRuleError) -> (operation: String?, layer: Int?) {
    var rest = words
    var operation: String?
    var layer: Int?
    while let preposition = rest.popFirst() {
      switch (preposition, Array(rest.prefix(2))) {
      case ("of", ["any", "layer"]), ("in", ["any", "layer"]): rest = rest.dropFirst(2)
      case ("of", let next) where next.first == "layer", ("in", let next) where next.first == "layer":
        guard next.count == 2, let number = Int(next[1]), number >= 0, layer == nil else {
          throw AlertRuleError("'\(text)': a layer is a number from 0 on, as in 'in layer 3'")
        }
        layer = number
        rest = rest.dropFirst(2)
      case ("of", let next) where !next.isEmpty && operation == nil:
        operation = next[0]
        rest = rest.dropFirst()
      default: throw AlertRuleError("'\(text)': '\(preposition)' is not understood: \(example)")
      }
    }
    return (operation, layer)
  }

  /// `NUMBER [for N steps]`.
  private static func bound(
    _ words: ArraySlice<String>, in text: String
  ) throws(AlertRuleError) -> (bound: Double, stepCount: Int) {
    let words = Array(words)
    guard let bound = words.first.flatMap(Double.init), bound.isFinite else {
      throw AlertRuleError("'\(text)' compares with no number")
    }
    if words.count == 1 { return (bound, 1) }
    guard words.count == 4, words[1] == "for", let count = Int(words[2]), count > 0,
      words[3] == "steps" || words[3] == "step"
    else { throw AlertRuleError("'\(text)' ends otherwise than 'for 20 steps'") }
    return (bound, count)
  }
}

/// A rule that cannot be understood, or is of something that a run has not.
public struct AlertRuleError: Error, Equatable, CustomStringConvertible {
  /// What is wrong.
  public let description: String

  init(_ description: String) { self.description = description }
}
