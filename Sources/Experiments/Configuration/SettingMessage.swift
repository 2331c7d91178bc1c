/// A sentence about settings, whose names whoever shows it spells in its own way: `lr` in a file, `--lr` on a command line.
///
/// `"\(setting: "lr") \(rate) is out of range"`
public struct SettingMessage: Equatable, Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
  fileprivate enum Piece: Equatable, Sendable {
    case text(String)
    case setting(String)
  }

  private var pieces: [Piece]

  /// Creates a sentence without settings.
  public init(stringLiteral text: String) { pieces = [.text(text)] }

  /// Creates a sentence of its pieces.
  public init(stringInterpolation: StringInterpolation) { pieces = stringInterpolation.pieces }

  /// The sentence, with each setting's name as `spelling` has it.
  public func text(spelling: (String) -> String) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .setting(let name): spelling(name)
      }
    }.joined()
  }

  /// The sentence with plain names.
  public var description: String { text { $0 } }

  /// One sentence after another.
  public static func + (left: Self, right: Self) -> Self {
    var both = left
    both.pieces += right.pieces
    return both
  }

  /// Collects the pieces of a literal.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var pieces: [Piece] = []

    /// Begins without pieces.
    public init(literalCapacity: Int, interpolationCount: Int) {}

    /// Adds words.
    public mutating func appendLiteral(_ literal: String) { pieces.append(.text(literal)) }

    /// Adds a value.
    public mutating func appendInterpolation(_ value: some Any) { pieces.append(.text("\(value)")) }

    /// Adds a sentence with its settings.
    public mutating func appendInterpolation(_ message: SettingMessage) { pieces += message.pieces }

    /// Adds what an error says, with its settings.
    public mutating func appendInterpolation(_ error: ExperimentError) { pieces += error.message.pieces }

    /// Adds the name of a setting.
    public mutating func appendInterpolation(setting name: String) { pieces.append(.setting(name)) }
  }
}

/// Why runs could not be planned, made or read.
public struct ExperimentError: Error, Equatable, CustomStringConvertible {
  /// What is wrong, where, and what to do.
  public let message: SettingMessage
  /// Whether it was asked for what makes no sense; else it could not be done.
  public let isRefusal: Bool

  /// Something that could not be done.
  public static func failed(_ message: SettingMessage) -> Self { Self(message: message, isRefusal: false) }

  /// A request that makes no sense.
  public static func refused(_ message: SettingMessage) -> Self { Self(message: message, isRefusal: true) }

  /// The same with words before it.
  func with(prefix: SettingMessage) -> Self { Self(message: prefix + message, isRefusal: isRefusal) }

  /// The message with plain names of settings.
  public var description: String { message.description }
}
