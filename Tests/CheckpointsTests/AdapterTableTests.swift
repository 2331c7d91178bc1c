import Foundation
import RunData
import SnapshotSupport
import Testing

@testable import Checkpoints

/// The Python package finds the places of tensors by the same tables as this program: `adapters.json` is made here, and
/// only here. To record a new one, delete the old and run this test twice.
@Test func pythonHasTheSameNameTables() throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  let text = String(decoding: try encoder.encode(ExportedTables()), as: UTF8.self) + "\n"
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  try expectText(
    text, inFile: root.appendingPathComponent("notebooks-export/src/nf_probe/names/adapters.json"))
}

private struct ExportedTables: Encodable {
  var adapters = NameAdapter.all.map(ExportedAdapter.init)
  var wrappers = StoredName.wrappers
  var longestBeginning = StoredName.maximumBeginning
  var layerOrder = ["pre-ln": PassOrder.preLNLayer, "post-ln": PassOrder.postLNLayer]
  var stemOrder = PassOrder.stem
  var stemBeforeLayers = PassOrder.stemBeforeLayers
}

/// What finding a parameter's place takes of an adapter.
private struct ExportedAdapter: Encodable {
  let name, order: String
  let hasRotaryPositions: Bool?
  let prefixes: [String]
  let rules: [ExportedRule]

  init(_ adapter: NameAdapter) {
    name = adapter.name
    order =
      switch adapter.order {
      case .preLN: "pre-ln"
      case .postLN: "post-ln"
      case .preLNWithFinalNorm: "pre-ln with final norm"
      }
    hasRotaryPositions = adapter.hasRotaryPositions ? true : nil
    prefixes = adapter.prefixes
    rules = adapter.rules.map(ExportedRule.init)
  }
}

/// A line of a table; what is false, empty or as usual is left out.
private struct ExportedRule: Encodable {
  let pattern, stack: String
  let names: [String]
  let isTransposed, isGainStoredMinusOne: Bool?
  let fusion: Fusion?
  let dimension: Int?
  let sibling, whole: String?
  let when, unless: [String]?

  init(_ rule: NameRule) {
    pattern = rule.pattern
    stack = rule.stack.rawValue
    names = rule.names
    isTransposed = rule.isTransposed ? true : nil
    isGainStoredMinusOne = rule.isGainStoredMinusOne ? true : nil
    fusion = rule.fusion == .equal ? nil : rule.fusion
    dimension = rule.dimension
    sibling = rule.sibling
    whole = rule.whole
    when = rule.conditions.isEmpty ? nil : rule.conditions
    unless = rule.exceptions.isEmpty ? nil : rule.exceptions
  }
}
