import Charts
import Documents
import Foundation
import RunData
import Statistics
import Testing

@testable import Analysis

@Suite struct RunReportTests {
  private static let options = ReportOptions(program: "nf-probe 0", command: "nf-probe report runs")

  private func report(
    _ runs: [ReportedRun], options: ReportOptions = options, sweeps: [SweepReport] = []
  ) throws -> RunReport {
    try RunReport(runs: runs, options: options, sweeps: sweeps) { ids, _, _ in
      runs.map(\.run).filter { ids.contains($0.manifest.runID) }
    }
  }

  private func reported(_ run: RecordedRun, changes: (inout ReportedRun) -> Void = { _ in }) -> ReportedRun {
    var result = ReportedRun(run: run, fileName: "\(run.manifest.runID).h5")
    changes(&result)
    return result
  }

  private func figure3(_ seeds: [UInt64] = [1, 2, 3]) -> [ReportedRun] {
    SyntheticRuns.figure3(seeds: seeds, stepCount: 100).map { reported($0) }
  }

  private func absences(_ document: Document, _ section: String) throws -> [String] {
    try #require(document.sections.first { $0.id == section }).blocks.compactMap {
      if case .absence(let reason) = $0 { reason } else { nil }
    }
  }

  private func names(_ document: Document, _ section: String) throws -> [String] {
    try #require(document.sections.first { $0.id == section }).blocks.compactMap {
      switch $0 {
      case .table(let part): "table \(part.name)"
      case .figure(let part): "figure \(part.name)"
      default: nil
      }
    }
  }

  // MARK: - What is there

  @Test func threeArchitecturesFillTheSections() throws {
    let document = try report(figure3()).document
    #expect(document.title == "Gradients of Post-LN, Pre-LN, NormFormer")
    #expect(try names(document, "mismatch") == ["table mismatch", "figure mismatch", "table spread"])
    #expect(try names(document, "operations") == ["table operations"])
    #expect(
      try names(document, "ratio") == [
        "figure ratio-1-map", "figure ratio-1-lines", "table ratio-1", "figure ratio-2-map",
        "figure ratio-2-lines",
        "table ratio-2",
      ])
    #expect(try names(document, "loss") == ["figure loss"])
    let files = document.tables.map(\.name) + document.figures.map { "figure-\($0.name)" }
    #expect(Set(files).count == files.count)
    let anchors = document.sections.map(\.id)
    #expect(Set(anchors).count == anchors.count)
  }

  @Test func numbersAreThoseOfTheReportsThatTheyComeFrom() throws {
    let runs = figure3()
    let document = try report(runs).document
    let mismatch = try MismatchReport(runs: runs.map(\.run))
    let table = try #require(document.tables.first { $0.name == "mismatch" })
    #expect(table.table == mismatch.table)
    #expect(table.data == mismatch.longTable)
    let ratio = try GradientRatio(
      runs: runs.map(\.run).filter { $0.manifest.architecture != "normformer" }.reversed())
    #expect(try #require(document.tables.first { $0.name == "ratio-1" }).data == ratio.longTable)
    // All operations have the same numbers as the one.
    let all = try #require(document.tables.first { $0.name == "operations" }).table
    #expect(all.rows.count == 3)
    for (row, entry) in zip(all.rows, mismatch.entries) {
      #expect(row[4] == .estimate(try #require(entry.mismatch).earlyLate))
    }
  }

  @Test func scalesStabilityAndClippingAreShownWhereRunsHaveThem() throws {
    let source = SyntheticScales.run(seed: 1)
    guard case .run(var run, let snapshots, let schedule) = source.origin else { return }
    run.gradientL2 = run.steps.map { 1 + Double($0 % 7) }
    run.clipCoefficient = run.steps.map { 1 / (1 + Double($0 % 7)) }
    let own = reported(run) {
      $0.snapshots = snapshots
      $0.schedule = schedule
    }
    let document = try report([own]).document
    #expect(
      try names(document, "scales") == [
        "figure scales", "table scales-trend", "table scales", "figure scales-drift",
      ])
    #expect(try names(document, "optimization") == ["table optimization", "figure optimization"])
    let table = try #require(document.tables.first { $0.name == "optimization" }).table
    // Six of seven steps are clipped; the first, 21 and so on up to 147 are not.
    let clipped = Double(run.steps.count { $0 % 7 != 0 }) / Double(run.steps.count)
    let column = try #require(table.columns.firstIndex { $0.key == "clipped_percent" })
    #expect(table.rows[0][column] == .number(100 * clipped))
    #expect(document.findings.contains { $0.text.contains("(85 %)") })
  }

  @Test func manyGroupsStayOnePage() throws {
    let values = [1.0, 2, 3].map { level -> [Double] in
      (0..<300).map { step -> Double in level + 0.3 * Double(step * 7919 % 101) / 101 }
    }
    let runs = (0..<40).map { index -> ReportedRun in
      var run = SyntheticRuns.run(values: values, configuration: "{\"lr\": \(index)}")
      run.gradientL2 = values[0]
      run.clipCoefficient = values[0].map { min(1, 1.1 / $0) }
      return reported(run)
    }
    let document = try report(runs).document
    #expect(document.html().utf8.count < 5_000_000)
    let absent = try absences(document, "ratio")
    #expect(absent.count == 39 - 16)
    #expect(document.tables.count { $0.name.hasPrefix("ratio-") } == 39)
  }

  // MARK: - What is not

  @Test func oneRunSaysWhatItDoesNotHave() throws {
    let document = try report([reported(SyntheticRuns.figure3("pre-ln", seed: 1, stepCount: 80))]).document
    #expect(try absences(document, "loss").first?.contains("no run was validated") == true)
    #expect(try absences(document, "mismatch").first?.contains("no two groups") == true)
    #expect(try absences(document, "ratio").first?.contains("between two") == true)
    #expect(try absences(document, "scales").first?.contains("no run has scales") == true)
    #expect(try absences(document, "optimization").first?.contains("norm of the whole gradient") == true)
    #expect(try absences(document, "stability").first?.contains("no run is a stability test") == true)
    #expect(try absences(document, "configuration").first?.contains("one group") == true)
    #expect(document.findings.contains { $0.text.contains("fewer than three seeds") })
  }

  @Test func runsWithoutStepsAreStillAReport() throws {
    var run = SyntheticRuns.run(values: [[1, 2], [3, 4]])
    run.steps = []
    run.segments = []
    run.loss = []
    run.learningRate = []
    run.tokens = []
    run.seconds = []
    run.gradients = run.gradients.mapValues {
      TensorSeries(
        elementCounts: $0.elementCounts, isZeroByConstruction: $0.isZeroByConstruction, l1: [[], []],
        sumSquares: [[], []])
    }
    run.status = .running
    let document = try report([reported(run)]).document
    #expect(try absences(document, "loss").first?.contains("recorded a step") == true)
    #expect(try absences(document, "mismatch").first?.contains("no steps yet") == true)
    #expect(try absences(document, "operations").first?.contains("no operation") == true)
    #expect(try absences(document, "optimization").first?.contains("recorded a step") == true)
    #expect(try absences(document, "time").first?.contains("how long steps took") == true)
    #expect(document.findings[0].text.contains("killed"))
    #expect(!document.html().contains(/\b(nan|inf)\b/))
  }

  @Test func differentDepthsAreNotComparedLayerByLayer() throws {
    let deep = SyntheticRuns.run(values: (0..<4).map { _ in Array(repeating: 1.0, count: 40) })
    let shallow = SyntheticRuns.run(
      values: (0..<2).map { _ in Array(repeating: 1.0, count: 40) }, architecture: "normformer",
      configuration: #"{"learning_rate": 0.001, "layers": 2}"#)
    let document = try report([reported(deep), reported(shallow)]).document
    #expect(try absences(document, "ratio").contains { $0.contains("needs equal depths") })
    #expect(document.findings.contains { $0.text.contains("more than the architecture: layers") })
  }

  @Test func stabilityTestsStandApart() throws {
    let ramp = #"{"decay": "ramp", "lr-slope": 0.001}"#
    let test = SyntheticRuns.run(values: [[1, 2], [3, 4]], configuration: ramp)
    let alone = try report([reported(test)]).document
    for section in ["loss", "mismatch", "operations", "ratio", "scales", "optimization"] {
      #expect(
        try absences(alone, section).contains { $0.contains("all runs are stability tests") }, "\(section)")
    }
    // What is wrong with a test is said, and keeps nothing else out.
    #expect(try absences(alone, "stability").first?.contains("--activations") == true)
    let both = try report([reported(test)] + figure3()).document
    let summary = try #require(both.tables.first { $0.name == "summary" }).table
    #expect(summary.rows.last?.first == .text("Pre-LN, stability test"))
    #expect(try names(both, "mismatch").contains("figure mismatch"))
  }

  @Test func aRunWithoutStepsDoesNotHideItsGroup() throws {
    var runs = figure3([1, 2])
    let whole = try report(runs).document.figures.first { $0.name == "loss" }
    for index in [0, 1] {
      let count = index * 50
      runs[index].run.steps.removeLast(100 - count)
      runs[index].run.segments.removeLast(100 - count)
      runs[index].run.loss.removeLast(100 - count)
      runs[index].run.learningRate.removeLast(100 - count)
      runs[index].run.gradients = runs[index].run.gradients.mapValues { series in
        TensorSeries(
          elementCounts: series.elementCounts, isZeroByConstruction: series.isZeroByConstruction,
          l1: series.l1.map { Array($0.prefix(count)) },
          sumSquares: series.sumSquares.map { Array($0.prefix(count)) })
      }
      runs[index].run.status = .interrupted
    }
    let cut = try report(runs).document.figures.first { $0.name == "loss" }
    #expect(try #require(whole?.figure).csv.contains("Post-LN"))
    let lines = try #require(cut?.figure).csv.split(separator: "\n").filter { $0.contains("Post-LN") }
    // The seed that has steps is shown up to its last.
    #expect(lines.contains { $0.contains(",49,") } && !lines.contains { $0.contains(",60,") })
    #expect(try #require(cut?.figure).notes[0].contains("ends with the shortest run"))
  }

  // MARK: - Findings

  @Test func nothingToSayIsSaid() throws {
    let runs = figure3().map { own in
      var own = own
      own.run.gradients = own.run.gradients.mapValues { series in
        TensorSeries(
          elementCounts: series.elementCounts, isZeroByConstruction: series.isZeroByConstruction,
          l1: series.l1.map { $0.map { _ in 1 } }, sumSquares: series.sumSquares)
      }
      return own
    }
    let findings = try report(runs).document.findings
    #expect(findings.map(\.subject) == ["Nothing stands out"])
  }

  @Test func whatWentWrongComesFirst() throws {
    var runs = figure3()
    runs[0].run.status = .diverged
    runs[1].run.loss[60] = .nan
    runs[1].nonfinite = ReportedRun.Nonfinite(step: 60, tensors: ["decoder.layers.3.fc2.weight"])
    runs[2].run.steps = runs[2].run.steps.map { $0 < 50 ? $0 : $0 + 10 }
    runs[3].attempts = [0, 1].map {
      ReportedRun.Attempt(segment: $0, firstStep: 50 * $0, end: .interrupted, machine: "m")
    }
    runs[4].damage = ["2 damaged rows of step left out"]
    runs[6].run.loss = runs[6].run.loss.map { _ in 7 }
    let findings = try report(runs).document.findings
    let texts = findings.map { "\($0.level.rawValue): \($0.subject): \($0.text)" }
    #expect(texts.contains { $0.contains("problem: Post-LN, seed 1: diverged at step 99") })
    #expect(
      texts.contains { $0.contains("not finite at 1 step, first at step 60") && $0.contains("layers.3.fc2") })
    #expect(texts.contains { $0.contains("steps are missing between 49 and 60") })
    #expect(texts.contains { $0.contains("made in 2 attempts, without a gap") })
    #expect(texts.contains { $0.contains("2 damaged rows") })
    #expect(texts.contains { $0.contains("caution: NormFormer: not learning yet") })
    #expect(texts.contains { $0.contains("caution: Window") })
    let ranks = findings.map { Document.Finding.Level.allCases.firstIndex(of: $0.level) ?? 9 }
    #expect(ranks == ranks.sorted())
  }

  @Test func largeMismatchIsNamedWithItsLayers() throws {
    let wave = (0..<40).map { (step: Int) -> Double in 1 + 0.01 * Double(step % 3) }
    let values = [100.0, 10, 1].map { level in wave.map { level * $0 } }
    let findings = try report([reported(SyntheticRuns.run(values: values))]).document.findings
    #expect(findings.contains { $0.text.contains("up to 100-fold (fc2.weight, layer 0 over layer 2)") })
  }

  // MARK: - What it is compared with

  @Test func baseIsNamedOrPreLN() throws {
    let runs = figure3([1])
    #expect(try report(runs).bases == [1, 1, 1])
    var options = Self.options
    options.base = "normformer"
    #expect(try report(runs, options: options).bases == [2, 2, 2])
    options.base = "post"
    #expect(try report(runs, options: options).bases == [0, 0, 0])
    options.base = "sandwich"
    #expect(throws: AnalysisError.noSuchBase("sandwich", among: ["Post-LN", "Pre-LN", "NormFormer"])) {
      try report(runs, options: options)
    }
  }

  @Test func groupsAreComparedWithTheirLike() throws {
    func runs(_ layers: Int) -> [ReportedRun] {
      ["pre-ln", "normformer"].map { architecture in
        reported(
          SyntheticRuns.run(
            values: (0..<layers).map { _ in Array(repeating: 1.0, count: 40) }, architecture: architecture,
            configuration:
              "{\"layers\": \(layers), \"ffn-dim\": \(64 * layers), \"snapshot-every\": \(layers), "
              + "\"validate-every\": \(layers)}"))
      }
    }
    let report = try report(runs(2) + runs(4))
    // Labels say no more than tells groups apart; a comparison is between equal depths.
    #expect(
      report.groups.map(\.label) == [
        "Pre-LN, layers 2", "Pre-LN, layers 4", "NormFormer, layers 2", "NormFormer, layers 4",
      ])
    #expect(report.bases == [0, 1, 0, 1])
    #expect(report.ratios.count == 2)
  }

  @Test func whatMustNotBeShownTogetherIsRefused() throws {
    let other = NumberContract.ours(objective: "masked")
    let runs = [
      reported(SyntheticRuns.run(values: [[1, 2], [3, 4]])),
      reported(SyntheticRuns.run(values: [[1, 2], [3, 4]], architecture: "normformer", contract: other)),
    ]
    #expect(throws: AnalysisError.self) { try report(runs) }
    var options = Self.options
    options.allowsMixedContracts = true
    let document = try report(runs, options: options).document
    #expect(document.findings.contains { $0.text.contains("different number contracts") })
    var unknown = Self.options
    unknown.operation = "fc9.weight"
    #expect(throws: AnalysisError.self) { try report([runs[0]], options: unknown) }
  }

  @Test func sameRunsGiveTheSameBytes() throws {
    let one = try report(figure3()).document
    let two = try report(figure3().reversed()).document
    #expect(one.html() == two.html())
    #expect(one.markdown() == two.markdown())
    #expect(one.latex() == two.latex())
  }
}
