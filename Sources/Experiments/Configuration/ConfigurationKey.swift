/// One of the settings of a configuration: its name, and where its value lies.
public struct ConfigurationKey<Root>: Sendable {
  /// The name that files and command lines use.
  public let name: String
  /// What its value is called in messages.
  public let valueName: String
  /// What values there are, where there are few.
  public let choices: [String]
  fileprivate let kind: Kind

  /// Where a setting lies in a configuration.
  typealias Place<Value> = any WritableKeyPath<Root, Value> & Sendable

  fileprivate enum Kind: Sendable {
    /// Takes a text; false where it is no value.
    case value(@Sendable (inout Root, String) -> Bool)
    case flag(isInvertible: Bool, @Sendable (inout Root, Bool) -> Void)
  }

  /// A setting with a value.
  static func value<Value: SettingValue>(
    _ name: String, _ place: Place<Value>, called valueName: String? = nil
  ) -> Self {
    Self(
      name: name, valueName: valueName ?? name, choices: Value.settingChoices,
      kind: .value { configuration, text in
        guard let value = Value(setting: text) else { return false }
        configuration[keyPath: place] = value
        return true
      })
  }

  /// A setting that may have no value.
  static func optional<Value: SettingValue>(
    _ name: String, _ place: Place<Value?>,
    called valueName: String? = nil
  ) -> Self {
    Self(
      name: name, valueName: valueName ?? name, choices: Value.settingChoices,
      kind: .value { configuration, text in
        guard let value = Value(setting: text) else { return false }
        configuration[keyPath: place] = value
        return true
      })
  }

  /// A switch that is off unless it is given.
  static func flag(_ name: String, _ place: Place<Bool>) -> Self {
    Self(
      name: name, valueName: name, choices: [], kind: .flag(isInvertible: false) { $0[keyPath: place] = $1 })
  }

  /// A switch that can be turned on and off.
  static func toggle(_ name: String, _ place: Place<Bool>) -> Self {
    Self(
      name: name, valueName: name, choices: [], kind: .flag(isInvertible: true) { $0[keyPath: place] = $1 })
  }

  /// A switch that is left to the architecture unless it is given.
  static func toggle(_ name: String, _ place: Place<Bool?>) -> Self {
    Self(
      name: name, valueName: name, choices: [], kind: .flag(isInvertible: true) { $0[keyPath: place] = $1 })
  }

  /// The same setting of something larger.
  func within<Outer>(_ place: ConfigurationKey<Outer>.Place<Root>) -> ConfigurationKey<Outer> {
    let kind: ConfigurationKey<Outer>.Kind =
      switch kind {
      case .value(let set): .value { set(&$0[keyPath: place], $1) }
      case .flag(let isInvertible, let set):
        .flag(isInvertible: isInvertible) { set(&$0[keyPath: place], $1) }
      }
    return ConfigurationKey<Outer>(name: name, valueName: valueName, choices: choices, kind: kind)
  }

  /// What files may say of it.
  public var info: SettingInfo {
    switch kind {
    case .value: SettingInfo(name: name, isFlag: false, isInvertible: false)
    case .flag(let isInvertible, _): SettingInfo(name: name, isFlag: true, isInvertible: isInvertible)
    }
  }

  /// Puts a value into a configuration.
  /// - Throws: ``ExperimentError`` where it is none of this setting's.
  func set(_ value: Setting.Value, in configuration: inout Root) throws(ExperimentError) {
    switch (kind, value) {
    case (.value, .text("")), (.value, .flag):
      throw .refused("Missing value for '\(setting: name) <\(valueName)>'")
    case (.value(let set), .text(let text)):
      guard !set(&configuration, text) else { return }
      throw .refused(
        "The value '\(text)' is invalid for '\(setting: name) <\(valueName)>'\(choiceList)")
    case (.flag(let isInvertible, let set), .flag(let isOn)) where isOn || isInvertible:
      set(&configuration, isOn)
    case (.flag, _): throw .refused("The switch '\(setting: name)' takes no value")
    }
  }

  /// The values in a sentence, or, where they are many, in lines.
  private var choiceList: String {
    guard let last = choices.last else { return "" }
    guard choices.count < 6 else {
      return ". Please provide one of the following:\n" + choices.map { "  - \($0)" }.joined(separator: "\n")
    }
    let quoted = choices.map { "'\($0)'" }
    let list =
      choices.count <= 2
      ? quoted.joined(separator: " and ") : quoted.dropLast().joined(separator: ", ") + " or '\(last)'"
    return ". Please provide one of \(list)."
  }
}

/// A value that is given as settings.
protocol Configurable {
  /// The usual values.
  init()
  /// Every setting, in the order in which help lists them.
  static var keys: [ConfigurationKey<Self>] { get }
  /// Refuses values that are out of range, or contradict each other.
  func validate() throws(ExperimentError)
}

extension Configurable {
  /// The usual values but for some settings; of one that is given twice the last counts.
  init(given settings: [Setting]) throws(ExperimentError) {
    self.init()
    for setting in settings {
      guard let key = Self.keys.first(where: { $0.name == setting.name }) else {
        throw .refused("Unknown option '\(setting: setting.name)'")
      }
      try key.set(setting.value, in: &self)
    }
    try validate()
  }
}
