import FoundationEssentials

/// A run's settings as flat keys, e.g. `optimizer.beta1`, so that two runs can be compared setting by setting.
struct ConfigurationKeys: Hashable {
  /// Each setting's text, by dotted key; neither the seed nor what is watched for is among them.
  let values: [String: String]

  /// The rules of alerts; nil where there are none.
  static func alerts(json: String) -> String? {
    guard case .object(let members) = try? JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)),
      case .leaf(let text) = members["alerts"]
    else { return nil }
    return text
  }

  /// The steps that a run was to make; nil where its settings do not say. In a list of many runs all settings of each would take a quarter of the time.
  static func steps(json: String) -> Int? {
    struct Steps: Decodable {
      var steps: Int?
    }
    if let settings = try? JSONDecoder().decode(Steps.self, from: Data(json.utf8)) { return settings.steps }
    return ConfigurationKeys(json: json).values["steps"].flatMap { Int($0) }
  }

  /// Reads a JSON object; any other text counts as one setting, `configuration`.
  init(json: String) {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)),
      case .object(let members) = value
    else {
      values = ["configuration": json]
      return
    }
    var flat: [String: String] = [:]
    Self.flatten(.object(members), key: "", into: &flat)
    values = flat.filter { $0.key != "seed" && !$0.key.hasSuffix(".seed") && $0.key != "alerts" }
  }

  /// The keys in which any two of `configurations` differ, sorted.
  static func differing(_ configurations: [ConfigurationKeys]) -> [String] {
    differing(configurations.map(\.values))
  }

  /// The keys in which any two of some settings differ, sorted.
  static func differing(_ settings: [[String: String]]) -> [String] {
    Set(settings.flatMap(\.keys)).filter { key in Set(settings.map { $0[key] }).count > 1 }.sorted()
  }

  private static func flatten(_ value: JSONValue, key: String, into flat: inout [String: String]) {
    switch value {
    case .object(let members):
      for (name, member) in members {
        flatten(member, key: key.isEmpty ? name : "\(key).\(name)", into: &flat)
      }
    case .array(let elements):
      flat[key] = elements.isEmpty ? "[]" : nil
      for (index, element) in elements.enumerated() {
        flatten(element, key: "\(key)[\(index)]", into: &flat)
      }
    case .leaf(let text):
      flat[key] = text
    }
  }
}

/// A JSON value of which only the text of the leaves matters.
private enum JSONValue: Decodable {
  case object([String: JSONValue])
  case array([JSONValue])
  case leaf(String)

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // What there is most of comes first: each attempt that fails costs more than one that does not.
    if let text = try? container.decode(String.self) {
      self = .leaf(text)
    } else if let number = try? container.decode(Double.self) {
      let text = "\(number)"
      self = .leaf(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    } else if let flag = try? container.decode(Bool.self) {
      self = .leaf(flag ? "true" : "false")
    } else if let members = try? container.decode([String: JSONValue].self) {
      self = .object(members)
    } else if let elements = try? container.decode([JSONValue].self) {
      self = .array(elements)
    } else {
      self = .leaf("null")
    }
  }
}
