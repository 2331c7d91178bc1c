import Analysis
import Foundation

/// A planned run's settings by their names: what its file keeps, and what its id is made of.
package struct Settings {
  /// A setting's value.
  package enum Value: Encodable {
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let value): try container.encode(value)
      case .integer(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .flag(let value): try container.encode(value)
      }
    }
  }

  private(set) var values: [String: Value] = [:]

  subscript(name: String) -> Value? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// The setting that tells a held-out text of one name from another; no option has it.
  package static let validationDigest = "validation-sha256"
  /// The setting that tells texts and tasks of one name from others; no option has it.
  package static let evaluationDigest = "evaluate-sha256"
  /// What says which text is not trained on.
  static let ofHeldOut = ["hold-out", "validation", validationDigest]

  /// Without some settings.
  func without(_ names: [String]) -> Settings {
    var settings = self
    for name in names { settings[name] = nil }
    return settings
  }

  /// With what is watched for, which the run's id does not depend on: it computes the same.
  func watched(for rules: [AlertRule]) -> Settings {
    guard !rules.isEmpty else { return self }
    var settings = self
    settings["alerts"] = .text(rules.map(\.description).joined(separator: ", "))
    return settings
  }

  /// One JSON object with sorted keys. JSON is YAML: it can be given to `--config`.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings, integers, flags and finite numbers always encode.
    return (try? encoder.encode(values)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}
