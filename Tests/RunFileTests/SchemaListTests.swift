import Foundation
import RunData
import RunFileTestSupport
import SnapshotSupport
import Testing

@testable import RunFile

/// The Python package makes and reads run files by the same list as this program: `schema.json` is made here, and only here. To record a new one,
/// delete the old and run this test twice.
@Test func pythonHasTheSameSchema() throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  let text = String(decoding: try encoder.encode(ListedSchema()), as: UTF8.self) + "\n"
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  try expectText(
    text, inFile: root.appendingPathComponent("notebooks-export/src/nf_probe/runfile/schema.json"))
}

/// A run that has everything that files can hold.
private let fullManifest: RunManifest = {
  var manifest = SampleRun(hasParameters: true, hasNoise: true).manifest
  manifest.hasLossScale = true
  manifest.hasOutputMoments = true
  manifest.hasExampleNorms = true
  manifest.metrics = TaskMetric.allCases
  manifest.operationNames = ["operation"]
  manifest.stemOperationNames = ["decoder.operation"]
  manifest.evaluations = [
    EvaluationLayout(name: "text", tokenCount: 1, wordCount: 1, byteCount: 1, exampleCount: 0)
  ]
  manifest.corpus.tokenCount = 1
  manifest.corpus.entropyRate = 1
  manifest.gradients.experts = ExpertLayout(
    count: 1, elementCounts: manifest.gradients.layerNames.map { _ in 1 })
  // What stands for any name and any axis; others are put into their places.
  manifest.scales = [ScaleLayout(name: "NAME", axis: .headElement)]
  manifest.packing = Packing(every: 1, recordedSteps: 1)
  return manifest
}()

private struct ListedSchema: Encodable {
  var name = RunSchema.name
  var latestVersion = RunSchema.latestVersion
  var textBytes = RunSchema.Number.textLength
  var status = RunStatus.allCases.map { ListedStatus(number: $0.rawValue, name: "\($0)") }
  var attributes: [ListedAttribute] = RunAttribute.all.map {
    ListedAttribute(name: $0.name, number: number($0.value(fullManifest)), isOptional: $0.isOptional)
  }
  var tables: [String: ListedTable]

  init() {
    let schema = RunSchema(fullManifest)
    tables = [
      "steps": ListedTable(schema.steps, schema.stepGroups),
      "snapshots": ListedTable(schema.snapshots, schema.snapshotGroups),
      "validations": ListedTable(schema.validations, schema.validationGroups),
      "noises": ListedTable(schema.noises, schema.noiseGroups),
      "evaluations": ListedTable(schema.evaluations, schema.evaluationGroups),
      "events": ListedTable(schema.events, [schema.eventGroup]),
    ]
  }
}

private struct ListedStatus: Encodable {
  let number: Int
  let name: String
}

private struct ListedAttribute: Encodable {
  let name, number: String
  let isOptional: Bool
}

private func number(_ value: RunAttribute.Value?) -> String {
  switch value {
  case .text: "text"
  case .int64: "int64"
  case .uint64: "uint64"
  case .uint32: "uint32"
  case .float64: "float64"
  case nil: "unknown"
  }
}

private struct ListedTable: Encodable {
  let marker: ListedColumn
  let checksums: [String]
  let groups: [ListedGroup]

  init<Record>(_ table: RunSchema.Table, _ groups: [ColumnGroup<Record>]) {
    marker = ListedColumn(table.marker)
    checksums = table.checksums.map(\.name)
    self.groups = groups.map { ListedGroup(name: $0.name, columns: $0.columns.map(ListedColumn.init)) }
  }
}

private struct ListedGroup: Encodable {
  let name: String
  let columns: [ListedColumn]
}

/// A variable; what is as usual is left out.
private struct ListedColumn: Encodable {
  let name, number, longName: String
  let dimensions: [String]?
  let units: String?
  let checksum: Int?

  init(_ column: RunSchema.Column) {
    name = column.name
    number = "\(column.number)"
    longName = column.longName
    dimensions = column.dimensions.isEmpty ? nil : column.dimensions.map(\.rawValue)
    units = column.units == "1" ? nil : column.units
    checksum = column.checksum == 0 ? nil : column.checksum
  }
}
