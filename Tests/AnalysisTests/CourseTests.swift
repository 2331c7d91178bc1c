import Charts
import Documents
import RunData
import Statistics
import Testing

@testable import Analysis

/// The mismatch along runs: windows, where spreads cross, where they settle.
@Suite struct CourseTests {
  /// Two layers whose quotient is given at each step; the values waver a little, by a pattern that repeats every ten steps.
  private func run(_ architecture: String, seed: UInt64 = 1, _ quotient: (Double) -> Double) -> RecordedRun {
    let steps = 0..<400
    let wavering = steps.map { 1 + 0.01 * Double(($0 * 7 + Int(seed)) % 10 - 4) }
    return SyntheticRuns.run(
      values: [steps.map { quotient(Double($0) / 400) * wavering[$0] }, steps.map { _ in 1.0 }],
      architecture: architecture, seed: seed)
  }

  @Test func windowsAreThoseOfTheTableOfEach() throws {
    let runs = [run("pre-ln") { 2 + $0 }]
    let course = try MismatchCourse(runs: runs, count: 8)
    #expect(course.windows.map(\.window.lower) == Array(stride(from: 0, to: 400, by: 50)))
    #expect(course.windows.last?.window.upper == 400)
    for report in course.windows {
      let alone = try MismatchReport(runs: runs, window: report.window)
      #expect(alone.entries[0].mismatch?.spread == report.entries[0].mismatch?.spread)
    }
    #expect(course.table.rows.count == 8 && course.crossingTable.rows.isEmpty)
    let part = try MismatchCourse(runs: runs, span: StepWindow(lower: 100, upper: 200), count: 4)
    #expect(part.windows.map(\.window.lower) == [100, 125, 150, 175])
  }

  /// One spread rises from 2 to 6, the other is 4 all along: they cross in the middle.
  @Test func spreadsCrossWhereTheyAreEqual() throws {
    let runs = (1...3).flatMap { seed in
      [run("pre-ln", seed: seed) { _ in 4 }, run("normformer", seed: seed) { 2 + 4 * $0 }]
    }
    let course = try MismatchCourse(runs: runs)
    let crossing = try #require(course.crossings.first)
    #expect(course.crossings.count == 1 && crossing.label == "NormFormer" && crossing.reference == "Pre-LN")
    #expect(crossing.steps.count == 1 && abs(crossing.steps[0] - 200) <= 4)
    #expect(crossing.last.value > 1.3 && (crossing.last.interval?.lower ?? 0) > 1)
    #expect(course.settledStep(ofGroup: 0) == 0 && course.settledStep(ofGroup: 1) == nil)
    let figure = course.figure(program: "test", command: "test")
    #expect(figure.rows[0].count == 3 && figure.svg.contains("spread"))
  }

  @Test func aSpreadSettlesWhereItStaysWithinATenth() throws {
    let course = try MismatchCourse(runs: [run("pre-ln") { $0 < 0.5 ? 8 - 10 * $0 : 3 }])
    #expect(course.settledStep(ofGroup: 0) == 200)
    let late = try MismatchCourse(runs: [run("pre-ln") { $0 < 0.85 ? 8 : 3 }])
    #expect(late.settledStep(ofGroup: 0) == nil, "two windows are too few")
  }

  @Test func aSpreadThatMovesIsSaid() throws {
    func movements(_ quotient: @escaping (Double) -> Double) throws -> [String] {
      try MismatchReport(runs: [run("pre-ln", quotient)], window: StepWindow(lower: 0, upper: nil)).movements
    }
    #expect(
      try movements { $0 < 0.5 ? 2 : 2.8 } == ["Pre-LN: spread rose by 40 % over the window: not settled"])
    #expect(
      try movements { $0 < 0.5 ? 4 : 2 } == ["Pre-LN: spread fell by 50 % over the window: not settled"])
    #expect(try movements { _ in 3 }.isEmpty)
    #expect(try movements { $0 < 0.5 ? 3 : 3.3 }.isEmpty)
  }

  @Test func nothingToShowIsAnError() {
    let runs = [run("pre-ln") { _ in 2 }]
    #expect(throws: AnalysisError.self) {
      try MismatchCourse(runs: runs, span: StepWindow(lower: 1000, upper: 2000))
    }
  }
}
