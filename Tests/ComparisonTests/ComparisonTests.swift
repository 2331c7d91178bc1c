import Analysis
import Checkpoints
import Documents
import Kernels
import Testing

@testable import Comparison

@Suite struct ComparisonTests {
  private func row(_ table: Table, _ title: String, in column: String = "layer") throws -> [String: Table
    .Cell]
  {
    let index = try #require(table.columns.firstIndex { $0.key == column })
    let row = try #require(table.rows.first { $0[index] == .text(title) })
    return Dictionary(uniqueKeysWithValues: zip(table.columns.map(\.key), row))
  }

  private func number(_ cell: Table.Cell?) throws -> Double {
    guard case .number(let value)? = cell else { throw ComparisonTestError.noNumber }
    return value
  }

  @Test func rowsAreOfMergedSums() throws {
    // In layer l all 32 elements of fc1.weight go from l + 1 to l + 2.
    let comparison = try TinyModels.compare(
      TinyModels.decoder(), TinyModels.shifted("fc1.weight", by: 1))
    let operation = try row(comparison.table(by: .operation), "fc1.weight", in: "operation")
    let squares = 32.0 * (1 + 4 + 9)
    #expect(try number(operation["l2_a"]) == squares.squareRoot())
    #expect(try number(operation["l2_b"]) == (32.0 * (4 + 9 + 16)).squareRoot())
    // √(96 / 448): not the mean of the layers' 1, 1/2 and 1/3.
    #expect(try number(operation["relative_difference"]) == (96 / squares).squareRoot())
    #expect(try number(operation["l1_a"]) == 32 * 6)
    #expect(operation["elements"] == .integer(96) && operation["tensors"] == .integer(3))
    #expect(operation["max_difference_tensor"] == .text("decoder.layers.0.fc1.weight"))
    #expect(operation["max_difference_index"] == .text("[0, 0]"))
    let layer = try row(comparison.table(by: .layer), "1")
    #expect(try number(layer["unchanged"]) == 22.0 / 54)
    let all = try row(comparison.table(by: .layer), "all")
    #expect(all["elements"] == .integer(3 * 54 + 20))
  }

  @Test func byChangeTheLargestComesFirst() throws {
    let comparison = try TinyModels.compare(
      TinyModels.decoder(), TinyModels.shifted("fc1.weight", by: 1))
    let table = comparison.table(by: .change, rowLimit: 2)
    #expect(table.rows.count == 2)
    #expect(table.rows.map { $0[0] } == [.text("0"), .text("1")])
    #expect(table.notes.contains { $0.contains("of 16 tensors") })
    #expect(comparison.table(by: .change).rows.count == 16)
  }

  @Test func theSameTwiceIsIdentical() throws {
    let comparison = try TinyModels.compare(TinyModels.decoder(), TinyModels.decoder())
    #expect(comparison.isIdentical && comparison.findings.isEmpty)
    let all = try row(comparison.table(by: .layer), "all")
    #expect(try number(all["cosine"]) == 1 && number(all["relative_difference"]) == 0)
    #expect(try number(all["log10_l2_ratio"]) == 0 && number(all["unchanged"]) == 1)
    #expect(comparison.table(by: .layer).notes.contains { $0.contains("identical: all 182 elements") })
    #expect(
      try TinyModels.compare(TinyModels.decoder(), TinyModels.decoder(), threshold: 0).passedThreshold == [])
  }

  @Test func anotherDepthComparesWhatIsCommon() throws {
    let comparison = try TinyModels.compare(TinyModels.decoder(layers: 2), TinyModels.decoder(layers: 4))
    #expect(comparison.findings.map(\.subject) == ["all of layers 2-3"])
    #expect(comparison.findings[0].kind == .onlyInSecond && comparison.findings[0].labels.count == 10)
    #expect(comparison.table(by: .layer).rows.count == 2 + 2)
    #expect(!comparison.isIdentical)
  }

  @Test func missingTensorsAndShapesAreFindings() throws {
    let other = TinyModels.decoder { tensor in
      if tensor.name.hasSuffix("fc1.bias") { return nil }
      if tensor.name == "decoder.layers.1.c_attn" { return (tensor.name, [4], [1, 1, 1, 1]) }
      return tensor
    }
    let comparison = try TinyModels.compare(
      TinyModels.decoder(), other + [("head.scale", [], [2]), ("empty", [0, 3], [])], threshold: 1)
    let words = comparison.findings.map { "\($0.kind.title): \($0.subject): \($0.detail)" }
    #expect(
      words == [
        "only in A: fc1.bias, layers 0-2: [8]", "only in B: head.scale: []", "only in B: empty: [0, 3]",
        "shape: c_attn, layer 1: [2] and [4]",
      ])
    // What has no number cannot be below a threshold.
    #expect(
      comparison.passedThreshold == [
        "decoder.layers.0.fc1.bias", "decoder.layers.1.fc1.bias", "decoder.layers.2.fc1.bias", "head.scale",
        "empty", "decoder.layers.1.c_attn",
      ])
  }

  @Test func scalarsEmptyTensorsAndOwnNames() throws {
    let tensors: [TinyModels.Tensor] = [
      ("temperature", [], [2]), ("empty", [0, 3], []), ("net.3.mix.gamma", [2], [3, 4]),
    ]
    let comparison = try TinyModels.compare(
      tensors, tensors.map { ($0.name, $0.shape, $0.values.map { 2 * $0 }) })
    let table = comparison.table(by: .change)
    #expect(table.rows.count == 3)
    let scalar = try row(table, "temperature", in: "operation")
    #expect(try number(scalar["relative_difference"]) == 1)
    #expect(scalar["max_difference_index"] == .text("[]"))
    let empty = try row(table, "empty", in: "operation")
    #expect(try number(empty["rms_a"]).isNaN && number(empty["unchanged"]).isNaN)
    #expect(try row(comparison.table(by: .layer), "3")["elements"] == .integer(2))
    #expect(table.notes.contains { $0.contains("3 tensors have a name that no known library uses") })
  }

  @Test func placementsOfHeadScaleAreCompared() throws {
    let sides = try ["paper", "fairseq"].map { placement in
      try ComparisonSide(
        title: placement,
        checkpoint: Checkpoint(
          path: placement, format: .safetensors,
          metadata: [CheckpointMetadataKey.headScalePlacement: placement], values: TinyModels.decoder()))
    }
    let comparison = try CheckpointComparison(sides[0], sides[1], team: TinyModels.team)
    #expect(comparison.findings.map(\.kind) == [.headScale])
    #expect(comparison.findings[0].detail == "placement paper in A, fairseq in B")
  }

  @Test func nothingInCommonIsAnError() throws {
    #expect(
      throws: ComparisonError.nothingInCommon(
        first: "a.safetensors", firstHas: "1 tensor with names of no known library (x [2])",
        second: "b.safetensors", secondHas: "no tensors")
    ) { try TinyModels.compare([("x", [2], [1, 2])], []) }
  }

  @Test func nonfiniteValuesStayAndAreCounted() throws {
    let broken = TinyModels.decoder { tensor in
      guard tensor.name == "decoder.layers.1.fc1.weight" else { return tensor }
      return (tensor.name, tensor.shape, [.nan, .infinity] + tensor.values.dropFirst(2))
    }
    let comparison = try TinyModels.compare(TinyModels.decoder(), broken, threshold: 100)
    #expect(comparison.findings.map(\.detail) == ["0 elements in A, 2 in B"])
    #expect(comparison.passedThreshold == ["decoder.layers.1.fc1.weight"])
    let layers = comparison.table(by: .layer)
    #expect(try number(row(layers, "1")["relative_difference"]).isNaN)
    #expect(try number(row(layers, "0")["relative_difference"]) == 0)
    #expect(try row(layers, "1")["nonfinite_b"] == .integer(2))
    // The same not-a-number on both sides: undefined as a number, but not a change.
    let twice = try TinyModels.compare(broken, broken, threshold: 0)
    #expect(twice.isIdentical && twice.passedThreshold.isEmpty)
  }

  @Test func thresholdIsPassedByMoreOnly() throws {
    let second = TinyModels.shifted("fc1.weight", by: 1)
    func passed(_ threshold: Double) throws -> [String] {
      try TinyModels.compare(TinyModels.decoder(), second, threshold: threshold).passedThreshold
    }
    #expect(try passed(0.5) == ["decoder.layers.0.fc1.weight"])
    #expect(try passed(0.49).count == 2)
    #expect(try passed(1).isEmpty)
    let table = try TinyModels.compare(TinyModels.decoder(), second, threshold: 0.4).table(by: .operation)
    #expect(try row(table, "fc1.weight", in: "operation")["mark"] == .text("2!"))
  }

  @Test func resultsDoNotDependOnThreads() throws {
    let count = 5_000_000
    let values = (0..<count).map { (index: Int) -> Float in Float((index &* 7919) % 10_007) / 3000 - 1.5 }
    let sides = try [values, values.map { $0 * 1.0625 + 0.001 }].map {
      try TinyModels.side("x", [("w", [1000, 5000], $0)])
    }
    let tables = try [1, 2, 3].map {
      try CheckpointComparison(sides[0], sides[1], team: Team(threadCount: $0)).table(by: .change)
    }
    #expect(tables[0] == tables[1] && tables[1] == tables[2])
  }

  @Test func scalesHaveMeansAndRanges() throws {
    let second = TinyModels.decoder { tensor in
      tensor.name == "decoder.layers.2.c_attn" ? (tensor.name, tensor.shape, [0.5, 2]) : tensor
    }
    let table = try TinyModels.compare(TinyModels.decoder(), second).scaleTable
    let titles = ["α ffn_layernorm", "γ c_attn", "λ w_resid"].map(Table.Cell.text)
    #expect(table.rows.count == 9 && table.rows.allSatisfy { titles.contains($0[0]) })
    let row = try #require(table.rows.first { $0[0] == .text("γ c_attn") && $0[1] == .text("2") })
    #expect(row[2...8] == [1, 1.25, 0.25, 1, 0.5, 1, 2].map(Table.Cell.number)[...])
  }
}

enum ComparisonTestError: Error { case noNumber }
