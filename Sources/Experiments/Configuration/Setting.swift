/// A setting that was given a value, as text: how files state runs.
public struct Setting: Hashable, Sendable {
  /// What was given.
  public enum Value: Hashable, Sendable {
    /// A value's text.
    case text(String)
    /// A switch.
    case flag(Bool)
  }

  /// The setting's name.
  public let name: String
  /// Its value.
  public let value: Value

  /// Creates a setting.
  public init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }

  /// In one word, as plans of sweeps keep it: `--lr=0.001`, `--activations`, `--no-scale-fc`.
  public var word: String {
    switch value {
    case .text(let text): "--\(name)=\(text)"
    case .flag(true): "--\(name)"
    case .flag(false): "--no-\(name)"
    }
  }

  /// Reads ``word``; nil for anything else.
  public init?(word: String) {
    guard word.hasPrefix("--") else { return nil }
    let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 {
      self.init(String(parts[0]), .text(String(parts[1])))
    } else if word.hasPrefix("--no-") {
      self.init(String(word.dropFirst(5)), .flag(false))
    } else {
      self.init(String(parts[0]), .flag(true))
    }
  }
}

/// A setting that can be given.
public struct SettingInfo: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// Whether it is a switch.
  public let isFlag: Bool
  /// Whether the switch can also be turned off.
  public let isInvertible: Bool

  /// Creates a description.
  public init(name: String, isFlag: Bool, isInvertible: Bool) {
    self.name = name
    self.isFlag = isFlag
    self.isInvertible = isInvertible
  }
}

/// A value that a setting's text stands for.
public protocol SettingValue: Sendable {
  /// Reads a text; nil where it is no such value.
  init?(setting text: String)
  /// All texts, where there are few.
  static var settingChoices: [String] { get }
}

extension SettingValue {
  /// Too many to list.
  public static var settingChoices: [String] { [] }
}

extension SettingValue where Self: RawRepresentable<String> & CaseIterable {
  /// Reads a raw value.
  public init?(setting text: String) { self.init(rawValue: text) }
  /// All raw values.
  public static var settingChoices: [String] { allCases.map(\.rawValue) }
}

extension Int: SettingValue {
  /// Reads digits.
  public init?(setting text: String) { self.init(text) }
}

extension UInt64: SettingValue {
  /// Reads digits.
  public init?(setting text: String) { self.init(text) }
}

extension Double: SettingValue {
  /// Reads a number.
  public init?(setting text: String) { self.init(text) }
}

extension String: SettingValue {
  /// Takes any text.
  public init?(setting text: String) { self = text }
}

extension Array: SettingValue where Element: SettingValue {
  /// Reads values with commas between them.
  public init?(setting text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let elements = parts.compactMap { Element(setting: String($0.trimmingPrefix { $0 == " " })) }
    guard !elements.isEmpty, elements.count == parts.count else { return nil }
    self = elements
  }

  /// What an element can be.
  public static var settingChoices: [String] { Element.settingChoices }
}
