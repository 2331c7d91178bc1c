import Analysis
import Documents
import Testing

@testable import Comparison

@Suite struct PathTests {
  private func path(_ shifts: [Float]) throws -> CheckpointPath {
    let sides = try shifts.enumerated().map { index, shift in
      try TinyModels.side("step\(index)", TinyModels.shifted("fc1.weight", by: shift, layers: 1))
    }
    return try CheckpointPath(sides, team: TinyModels.team)
  }

  /// Elements go 1, 2, 4, 3: steps of 1/1, 2/2, 1/4, and 1, 3, 2 away from the first.
  @Test func stepsAndDistances() throws {
    let path = try path([0, 1, 3, 2])
    let steps = path.stepTable(by: .operation)
    let row = try #require(steps.rows.first { $0[1] == .text("fc1.weight") })
    #expect(row[2...] == [1, 1, 0.25].map(Table.Cell.number)[...])
    let distances = path.distanceTable(by: .operation)
    #expect(distances.columns.map(\.key)[2...] == ["distance_1_2", "distance_1_3", "distance_1_4"])
    let own = try #require(distances.rows.first { $0[1] == .text("fc1.weight") })
    #expect(own[2...] == [1, 3, 2].map(Table.Cell.number)[...])
  }

  @Test func theLongFormHasEveryGroupAndStep() throws {
    let table = try path([0, 1, 3, 2]).longTable(by: .layer)
    // Layer 0, what lies outside, and all.
    #expect(table.rows.count == 3 * 3)
    #expect(table.rows[1][2...3] == [.text("step1"), .text("step2")])
  }

  @Test func longPathsFitATerminal() throws {
    let table = try path((0..<14).map { Float($0) }).stepTable(by: .operation)
    let shown = table.rendered(as: .table).split(separator: "\n")
    #expect(shown.allSatisfy { $0.count <= 100 })
    #expect(table.rendered(as: .csv).split(separator: "\n")[0].split(separator: ",").count == 2 + 13)
  }
}
