import Analysis
import Charts
import Documents
import SnapshotSupport
import Testing

@testable import Comparison

/// Tables and figures of record, byte by byte.
@Suite struct ReportTests {
  /// Each layer changed more than the one before; one operation is the same, one started at zero, one is broken.
  private func comparison() throws -> CheckpointComparison {
    func changed(_ size: Float) -> [TinyModels.Tensor] {
      TinyModels.decoder(layers: 4) { tensor in
        let layer = Float(tensor.name.split(separator: ".")[2]) ?? 0
        var values = tensor.values
        for index in values.indices where !tensor.name.hasSuffix("fc1.bias") {
          values[index] += size * (layer + 1) * (Float(index % 5) - 1) / 16
        }
        if tensor.name == "decoder.layers.2.fc1.weight", size == 1 { values[3] = .nan }
        return (tensor.name, tensor.shape, values)
      }
    }
    return try TinyModels.compare(
      changed(0), changed(1), noise: [changed(0.25), changed(0.5), changed(0.75)], threshold: 0.2)
  }

  /// Without what the names' table says of the library.
  private func table(by grouping: Grouping) throws -> Table {
    var table = try comparison().table(by: grouping, rowLimit: 5)
    table.notes.removeAll { $0.hasPrefix("fairseq") }
    return table
  }

  @Test(arguments: Grouping.allCases)
  func tablesMatchTheirSnapshots(grouping: Grouping) throws {
    let table = try table(by: grouping)
    try expectSnapshot(table.rendered(as: .table), named: "by-\(grouping.rawValue).txt")
    #expect(table.rendered(as: .table).split(separator: "\n").allSatisfy { $0.count <= 100 })
  }

  @Test func everyFormatMatchesItsSnapshot() throws {
    let table = try table(by: .layer)
    for (format, name) in [(TableFormat.csv, "csv"), (.json, "json"), (.markdown, "md"), (.latex, "tex")] {
      try expectSnapshot(table.rendered(as: format), named: "by-layer.\(name)")
    }
  }

  @Test func figuresMatchTheirSnapshots() throws {
    let comparison = try comparison()
    for (name, figure) in [
      ("changes", comparison.changeFigure(program: "nf-probe 0.1.0", command: "nf-probe compare a b")),
      ("scales", comparison.scaleFigure(program: "nf-probe 0.1.0", command: "nf-probe compare a b")),
    ] {
      let figure = try #require(figure)
      try expectSnapshot(figure.svg, named: "\(name).svg")
      try expectSnapshot(figure.csv, named: "\(name)-points.csv")
      let check = SVGCheck(figure.svg)
      #expect(check.problems.isEmpty && check.elements["title"] == 1 && check.elements["desc"] == 1)
    }
  }

  @Test func aLargeHeatMapStaysSmall() throws {
    let tensors = TinyModels.decoder(layers: 96)
    let comparison = try TinyModels.compare(tensors, TinyModels.shifted("t", by: 0.5, layers: 96))
    let figure = try #require(comparison.changeFigure(program: "p", command: "c"))
    #expect(figure.svg.utf8.count < 100_000)
  }

  @Test func whatHasNothingToShowHasNoFigure() throws {
    let comparison = try TinyModels.compare([("w", [2], [1, 2])], [("w", [2], [1, 3])])
    #expect(comparison.changeFigure(program: "p", command: "c") == nil)
    #expect(comparison.scaleFigure(program: "p", command: "c") == nil)
    #expect(comparison.scaleTable.rows.isEmpty)
    // Nothing changed: a map of marks, and no colours to explain.
    let same = try TinyModels.compare(TinyModels.decoder(), TinyModels.decoder())
    let figure = try #require(same.changeFigure(program: "p", command: "c"))
    #expect(figure.colorBar == nil && SVGCheck(figure.svg).words.contains("identical"))
  }

  @Test func pathsMatchTheirSnapshot() throws {
    let sides = try [0, 1, 3, 2].map { shift in
      try TinyModels.side("step \(shift)", TinyModels.shifted("fc1.weight", by: Float(shift)))
    }
    let path = try CheckpointPath(sides, team: TinyModels.team)
    try expectSnapshot(
      path.figure(program: "nf-probe 0.1.0", command: "nf-probe compare").svg, named: "path.svg")
    try expectSnapshot(path.stepTable(by: .layer).rendered(as: .table), named: "path.txt")
  }
}
