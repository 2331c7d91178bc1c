import Documents
import RunData
import SnapshotSupport
import Statistics
import Testing

@testable import Analysis

@Suite struct ReportTests {
  @Test func oneRowAnArchitecture() throws {
    let report = try MismatchReport(runs: SyntheticRuns.figure3(seeds: [1, 2, 3]))
    let table = report.table
    #expect(table.rows.map(\.[0]) == ["Post-LN", "Pre-LN", "NormFormer"].map(Table.Cell.text))
    #expect(table.columns.map(\.key).contains("layer_11"))
    #expect(table.notes.contains { $0.contains("Student's t") })
  }

  @Test func theTableMatchesTheSnapshotInEveryFormat() throws {
    var runs = SyntheticRuns.figure3(seeds: [1, 2, 3], stepCount: 60)
    runs.removeLast(2)
    let table = try MismatchReport(runs: runs).table
    for (format, name) in [
      (TableFormat.table, "txt"), (.csv, "csv"), (.json, "json"), (.markdown, "md"), (.latex, "tex"),
    ] {
      try expectSnapshot(table.rendered(as: format), named: "mismatch-table.\(name)")
    }
  }

  @Test func theLongFormHasEveryLayerAndRun() throws {
    let report = try MismatchReport(runs: SyntheticRuns.figure3(seeds: [1, 2, 3], stepCount: 60))
    let rows = report.longTable.rows
    // Per group 12 layers, 3 statistics and the loss; per run 12 layers.
    #expect(rows.count == 3 * (12 + 3 + 1) + 9 * 12)
    let csv = report.longTable.rendered(as: .csv)
    #expect(
      csv.hasPrefix(
        "architecture,label,seed,run,operation,statistic,window,first_step,last_step,recorded_steps,quantity,layer,value,value_low,"
          + "value_high,interval,n,block_length\npost-ln,Post-LN,,,fc2.weight,l1,30:60,30,59,30,mean,0,"))
  }

  @Test func aGroupWithoutTheOperationKeepsItsRow() throws {
    let steady = Array(repeating: 1.0, count: 20)
    let without = SyntheticRuns.run(
      values: [steady, steady], architecture: "post-ln", elementCounts: [0, 0])
    let report = try MismatchReport(runs: [SyntheticRuns.run(values: [steady, steady]), without])
    #expect(report.table.rows.count == 2)
    #expect(report.entries[0].mismatch == nil)
    #expect(report.table.notes.contains { $0.hasPrefix("Post-LN: no run has recorded 'fc2.weight'") })
    #expect(throws: AnalysisError.self) { try MismatchReport(runs: [without]) }
  }

  @Test func aShorterRunThatSetsTheWindowIsNamed() throws {
    let runs = [
      SyntheticRuns.figure3("pre-ln", seed: 1, stepCount: 40),
      SyntheticRuns.figure3("post-ln", seed: 1, stepCount: 30),
    ]
    let report = try MismatchReport(runs: runs)
    #expect(report.table.title.hasSuffix("over steps 15 to 29"))
    #expect(report.table.notes.contains { $0.contains("Post-LN, seed 1, ends at step 29") })
    let asked = try MismatchReport(runs: runs, window: StepWindow(lower: 0, upper: 20))
    #expect(!asked.table.notes.contains { $0.contains("shortest") })
  }

  /// Spreads 4, 8, 16 against 2, 2, 4: ratios 2, 4, 4, so log2 ratios 1, 2, 2 with mean 5/3 and standard error 1/3.
  @Test func spreadsAreComparedOnPairedSeeds() throws {
    func runs(_ architecture: String, spreads: [Double]) -> [RecordedRun] {
      spreads.enumerated().map {
        SyntheticRuns.run(values: [[$1], [1]], architecture: architecture, seed: UInt64($0))
      }
    }
    let report = try MismatchReport(
      runs: runs("pre-ln", spreads: [2, 2, 4]) + runs("normformer", spreads: [4, 8, 16, 5]))
    let comparison = try #require(SpreadComparison(report.entries[1], reference: report.entries[0]))
    #expect(comparison.seeds == [0, 1, 2])
    #expect(isClose(comparison.ratio.value, pow2(5.0 / 3), relative: 1e-12))
    let interval = try #require(comparison.ratio.interval)
    // The 97.5 % point of Student's t with two degrees of freedom.
    #expect(isClose(interval.upper, pow2(5.0 / 3 + 4.302652729749464 / 3), relative: 1e-9))
    #expect(report.spreadTable.rows.count == 1)
    let two = try MismatchReport(
      runs: runs("pre-ln", spreads: [2, 2]) + runs("normformer", spreads: [4, 8]))
    #expect(SpreadComparison(two.entries[1], reference: two.entries[0])?.ratio.interval == nil)
  }

  @Test func depthsMayDiffer() throws {
    let steady = Array(repeating: 1.0, count: 20)
    let deep = SyntheticRuns.run(values: Array(repeating: steady, count: 12), architecture: "post-ln")
    let table = try MismatchReport(runs: [SyntheticRuns.run(values: [steady, steady]), deep]).table
    let last = try #require(table.columns.firstIndex { $0.key == "layer_11" })
    #expect(table.rows[1][last] == .missing && table.rows[0][last] == .number(1))
  }

  @Test func runsThatDoNotLearnAndDivergeAreMarked() throws {
    var values = Array(repeating: Array(repeating: 1.0, count: 20), count: 3)
    values[1][15] = .nan
    let stuck = SyntheticRuns.run(values: values, loss: Array(repeating: 6.2, count: 20))
    let table = try MismatchReport(runs: [stuck]).table
    #expect(table.rows[0].last == .text("not learning yet, non-finite"))
    #expect(table.rendered(as: .table).contains("first at step 15"))
  }
}
