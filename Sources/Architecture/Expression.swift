import Glibc

/// A number that depends on depth and sizes, as papers write it: `(2*L)^(1/4)`, `1/sqrt(l)`.
///
/// Numbers, `+ - * / ^`, parentheses, `sqrt(…)`, `ln(…)` and the names of ``Variables``.
public struct Expression: Equatable, Sendable {
  /// As it was written.
  public let text: String
  private let root: Term

  /// What an expression may speak of.
  public struct Variables: Equatable, Sendable {
    /// L: layers in all.
    public var layerCount: Int
    /// l: the layer, counted from 1.
    public var layer: Int
    /// d: width of the stream.
    public var modelDim: Int
    /// h: heads of queries.
    public var headCount: Int
    /// k: width of a head.
    public var headDim: Int

    /// Creates a set of values.
    public init(layerCount: Int, layer: Int, modelDim: Int, headCount: Int, headDim: Int) {
      self.layerCount = layerCount
      self.layer = layer
      self.modelDim = modelDim
      self.headCount = headCount
      self.headDim = headDim
    }

    fileprivate static let names: [String: @Sendable (Variables) -> Int] = [
      "L": { $0.layerCount }, "l": { $0.layer }, "d": { $0.modelDim }, "h": { $0.headCount },
      "k": { $0.headDim },
    ]
  }

  /// A number.
  public init(_ number: Double) {
    text = number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
    root = .number(number)
  }

  /// Reads an expression.
  ///
  /// - Throws: ``ExpressionError`` with what was met and what could stand there.
  public init(parsing text: String) throws(ExpressionError) {
    self.text = text
    var parser = ExpressionParser(text)
    root = try parser.whole()
  }

  /// The value at a layer.
  public func value(_ variables: Variables) -> Double { root.value(variables) }

  /// Whether it is the number one, whatever the layer.
  public var isOne: Bool { root == .number(1) }

  fileprivate indirect enum Term: Equatable, Sendable {
    case number(Double)
    case variable(String)
    case operation(Character, Term, Term)
    case function(String, Term)

    func value(_ variables: Variables) -> Double {
      switch self {
      case .number(let number): number
      case .variable(let name): Double(Variables.names[name]?(variables) ?? 0)
      case .operation("+", let a, let b): a.value(variables) + b.value(variables)
      case .operation("-", let a, let b): a.value(variables) - b.value(variables)
      case .operation("*", let a, let b): a.value(variables) * b.value(variables)
      case .operation("/", let a, let b): a.value(variables) / b.value(variables)
      case .operation(_, let a, let b): Glibc.pow(a.value(variables), b.value(variables))
      case .function("sqrt", let a): a.value(variables).squareRoot()
      case .function(_, let a): Glibc.log(a.value(variables))
      }
    }
  }
}

/// A text that is no expression.
public struct ExpressionError: Error, Equatable, CustomStringConvertible {
  /// What is wrong and what would be right.
  public let description: String
}

/// Recursive descent: sums of products of powers.
private struct ExpressionParser {
  private let text: String
  private var rest: Substring
  private var depth = 0

  init(_ text: String) {
    self.text = text
    rest = text[...]
  }

  mutating func whole() throws(ExpressionError) -> Expression.Term {
    let term = try sum()
    guard peek() == nil else { throw unexpected("the end") }
    return term
  }

  private mutating func sum() throws(ExpressionError) -> Expression.Term {
    try chain("+-") { parser throws(ExpressionError) in try parser.product() }
  }

  private mutating func product() throws(ExpressionError) -> Expression.Term {
    try chain("*/") { parser throws(ExpressionError) in try parser.power() }
  }

  private mutating func chain(
    _ signs: String, _ part: (inout Self) throws(ExpressionError) -> Expression.Term
  ) throws(ExpressionError) -> Expression.Term {
    var term = try part(&self)
    while let sign = peek(), signs.contains(sign) {
      rest.removeFirst()
      term = .operation(sign, term, try part(&self))
    }
    return term
  }

  private mutating func power() throws(ExpressionError) -> Expression.Term {
    let base = try atom()
    guard peek() == "^" else { return base }
    rest.removeFirst()
    return .operation("^", base, try power())
  }

  private mutating func atom() throws(ExpressionError) -> Expression.Term {
    // A text of nothing but parentheses must not end the stack.
    depth += 1
    defer { depth -= 1 }
    guard depth < 64 else { throw ExpressionError(description: "\"\(text)\" is nested too deeply") }
    switch peek() {
    case "-"?:
      rest.removeFirst()
      return .operation("-", .number(0), try power())
    case "("?: return try parenthesized()
    case let character? where character.isNumber || character == ".": return try number()
    case let character? where character.isLetter: return try word()
    default: throw unexpected("a number, a name or (")
    }
  }

  private mutating func parenthesized() throws(ExpressionError) -> Expression.Term {
    guard peek() == "(" else { throw unexpected("(") }
    rest.removeFirst()
    let term = try sum()
    guard peek() == ")" else { throw unexpected(")") }
    rest.removeFirst()
    return term
  }

  private mutating func number() throws(ExpressionError) -> Expression.Term {
    var digits = String(take { $0.isNumber || $0 == "." })
    if let mark = rest.first, mark == "e" || mark == "E" {
      digits.append(rest.removeFirst())
      if let sign = rest.first, sign == "-" || sign == "+" { digits.append(rest.removeFirst()) }
      digits += take { $0.isNumber }
    }
    guard let number = Double(digits), number.isFinite else {
      throw ExpressionError(description: "\"\(digits)\" is no number")
    }
    return .number(number)
  }

  private mutating func word() throws(ExpressionError) -> Expression.Term {
    let name = String(take { $0.isLetter })
    if name == "sqrt" || name == "ln" { return .function(name, try parenthesized()) }
    guard Expression.Variables.names[name] != nil else {
      throw ExpressionError(
        description: "\"\(name)\" in \"\(text)\" is no name: L is the number of layers, l the layer from 1, "
          + "d the width, h the heads, k a head's width; functions are sqrt and ln")
    }
    return .variable(name)
  }

  private mutating func take(while condition: (Character) -> Bool) -> Substring {
    let taken = rest.prefix(while: condition)
    rest.removeFirst(taken.count)
    return taken
  }

  private mutating func peek() -> Character? {
    rest = rest.drop { $0 == " " }
    return rest.first
  }

  private func unexpected(_ wanted: String) -> ExpressionError {
    let met = rest.first.map { "\"\($0)\"" } ?? "the end"
    return ExpressionError(description: "\"\(text)\": expected \(wanted), met \(met)")
  }
}
