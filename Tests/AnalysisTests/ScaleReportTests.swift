import Charts
import Documents
import RunData
import SnapshotSupport
import Statistics
import Testing
import Text

@testable import Analysis

@Suite struct ScaleReportTests {
  private let program = "nf-probe 0.1.0"
  private let command = "nf-probe scales a.h5"

  // MARK: - Of record

  @Test func oneRunMatchesTheSnapshots() throws {
    let report = try ScaleReport(of: [SyntheticScales.run()], options: ScaleOptions(small: 0.4))
    let tables = try [
      report.table(layers: .paper), report.trendTable(bySeed: false), #require(report.headTable),
    ]
    try expectSnapshot(
      tables.map { $0.rendered(as: .table) }.joined(separator: "\n"), named: "scales-run.txt")
    try expectSnapshot(
      report.boxFigure(addsPaper: false, program: program, command: command).svg, named: "scales-run.svg")
    let drift = try #require(try report.driftFigure(layers: .paper, program: program, command: command))
    try expectSnapshot(drift.svg, named: "scales-drift.svg")
  }

  @Test func seedsACheckpointAndThePaperMatchTheSnapshots() throws {
    let report = try ScaleReport(of: manyModels)
    try expectSnapshot(report.table(layers: .listed([0, -1])).rendered(as: .table), named: "scales-many.txt")
    try expectSnapshot(report.trendTable(bySeed: true).rendered(as: .csv), named: "scales-many-trend.csv")
    let figure = report.boxFigure(addsPaper: true, program: program, command: command)
    try expectSnapshot(figure.svg, named: "scales-many.svg")
    try expectSnapshot(figure.csv, named: "scales-many-points.csv")
  }

  /// Three seeds, a run of other settings with values that are not finite, and a checkpoint.
  private var manyModels: [ScaleSource] {
    let spared = #"{"decayed": "weights", "lr": 0.002, "update": true, "weight-decay": 0.5}"#
    let rough = SyntheticScales.run(configuration: spared) { value, scale, layer, element, step in
      guard step > 0, scale == "attn_ln", layer == 2, element < 6 else { return value }
      return element == 0 ? .infinity : .nan
    }
    let heads: [[Double]] = (0..<12).map { layer in
      (0..<4).map { (head: Int) -> Double in 1 + 0.1 * Double((layer - 5) * (head - 1)) }
    }
    let random = SyntheticScales.checkpoint([("c_attn", heads)])
    return [1, 2, 3].map { SyntheticScales.run(seed: $0) } + [rough, random]
  }

  @Test func everyFigureIsCleanXML() throws {
    let zeros = SyntheticScales.checkpoint([("w_resid", [[0, 0], [0, 0]])])
    let broken = SyntheticScales.checkpoint([("attn_ln.weight", [[.nan], [.infinity]])])
    let short = SyntheticScales.run(layers: 1, last: 0)
    let all = ScaleOptions(includesAllGains: true)
    for (sources, options) in [
      ([zeros], ScaleOptions()), ([broken], ScaleOptions()), ([short], all), (manyModels, all),
      ([SyntheticScales.run(layers: 30)], all),
    ] {
      let report = try ScaleReport(of: sources, options: options)
      var figures = [report.boxFigure(addsPaper: true, program: program, command: command)]
      try figures += [report.driftFigure(layers: .all, program: program, command: command)].compactMap { $0 }
      for figure in figures {
        let check = SVGCheck(figure.svg)
        #expect(check.problems.isEmpty, "\(check.problems)")
        #expect(check.elements["title"] == 1 && figure.svg.utf8.count < 300_000)
      }
    }
  }

  // MARK: - Values

  @Test func seedsArePooledAndShownBySeed() throws {
    let sources = [3, 1, 2].map { SyntheticScales.run(seed: $0) }
    let report = try ScaleReport(of: sources)
    #expect(
      report.entries.count == 1
        && report.entries[0].group.sources.compactMap { $0.run?.manifest.seed } == [1, 2, 3])
    #expect(report.scales == ["ffn_layernorm.weight", "attn_ln.weight", "c_attn", "w_resid"])
    let heads = try #require(report.entries[0].profile("c_attn"))
    #expect(heads.layers[5].pooled.count == 12 && heads.layers[5].bySource.map(\.count) == [4, 4, 4])
    let medians = heads.layers[5].bySource.map(\.median)
    #expect(heads.layers[5].median == Estimate(meanOfSeeds: medians))
    let mean: Double = heads.correlations.map(\.value).reduce(0, +) / 3
    #expect(heads.trend.value == mean)
    // A row pooled and one each of 4 scales, 12 layers.
    #expect(report.longTable.rows.count == 4 * 12 * 4 && report.trendTable(bySeed: true).rows.count == 4 * 4)
    let rising = try #require(report.entries[0].profile("ffn_layernorm.weight"))
    #expect(rising.trend.value > 0.9 && (rising.trend.interval?.upper ?? 2) <= 1)
  }

  @Test func stepsAreChosenAndTheSameForAllSeeds() throws {
    let early = try ScaleReport(of: [
      SyntheticScales.run(step: 50), SyntheticScales.run(step: 0), SyntheticScales.run(),
    ])
    #expect(
      early.entries.map(\.group.label) == [
        "NormFormer, step 50", "NormFormer, step 0", "NormFormer, step 150",
      ])
    #expect(early.entries[1].profile("attn_ln.weight")?.layers[0].pooled.median == 1)
    #expect(early.entries[1].profile("attn_ln.weight")?.correlations[0].value.isNaN == true)
    let uneven = try ScaleReport(of: [
      SyntheticScales.run(seed: 1, last: 150), SyntheticScales.run(seed: 2, last: 100),
    ])
    #expect(
      uneven.entries[0].group.step == 100 && uneven.caveats.contains { $0.contains("the last that all have") }
    )
  }

  @Test func decayAloneIsOfTheSnapshotShown() throws {
    let factor = (0..<100).reduce(1.0) { product, _ in product * (1 - 0.002 * 0.5) }
    let report = try ScaleReport(of: [SyntheticScales.run(step: 100)])
    #expect(report.entries[0].decayed("w_resid") == factor)
    #expect(report.decayNotes.count == 1 && report.decayNotes[0].contains("recorded learning rates"))
    // Little decay is not called none: (1 - 0.002 · 1e-6)¹⁰⁰ is 1 - 2e-7.
    let little = #"{"decayed": "all", "lr": 0.002, "update": true, "weight-decay": 1e-6}"#
    let hardly = try ScaleReport(of: [SyntheticScales.run(configuration: little, step: 100)])
    #expect(hardly.decayNotes[0].contains("a gain of 1 to 0.9999998 in 100 updates"))
    let checkpoint = try ScaleReport(of: [SyntheticScales.checkpoint([("w_resid", [[1, 2], [1, 3]])])])
    #expect(checkpoint.entries[0].decayed("w_resid") == nil && checkpoint.decayNotes[0].contains("not known"))
    let drift = try report.driftTable(layers: .all)
    #expect(drift.rows.count == 4 * 12 * 4 && drift.rows[2].last == .number(factor))
    #expect(!checkpoint.hasRuns)
    #expect(try checkpoint.driftTable(layers: .all).rows.isEmpty)
  }

  /// A scale is read against its own start: a branch's factor against 0.1, and a gain that is stored minus one against 1, which
  /// decay leaves alone.
  @Test func scalesAreReadAgainstWhatTheyBeginAt() throws {
    let factor = (0..<150).reduce(1.0) { product, _ in product * (1 - 0.002 * 0.5) }
    let scales = [
      ScaleLayout(name: "attn_ln", axis: .modelElement, isStoredMinusOne: true),
      ScaleLayout(name: "ffn_layer_scale", axis: .modelElement, initialValue: 0.1),
      ScaleLayout(name: "w_resid", axis: .modelElement, initialValue: nil),
    ]
    let report = try ScaleReport(of: [SyntheticScales.run(scales: scales)])
    #expect(report.scales == ["attn_ln.weight", "w_resid", "ffn_layer_scale"])
    let entry = report.entries[0]
    #expect(entry.decayed("attn_ln.weight") == 1)
    #expect(entry.decayed("ffn_layer_scale") == 0.1 * factor)
    #expect(entry.decayed("w_resid") == nil)
    #expect(
      report.trendNotes[1].hasSuffix(
        "w_resid begins at another value in each layer, ffn_layer_scale begins at 0.1; all others begin at 1."
      ))
    let drawing = report.boxFigure(addsPaper: false, program: "p", command: "c").svg
    #expect(drawing.contains("initial value 0.1") && drawing.contains("0.1 by weight decay alone"))
    let kept = try ScaleReport(of: [SyntheticScales.run(scales: [scales[0]])])
    #expect(kept.decayNotes[0].contains("stored minus one"))
  }

  @Test func aRunFromACheckpointDidNotBeginAtOne() throws {
    let configuration = #"{"from-checkpoint": "ab12", "weight-decay": 0, "decayed": "all"}"#
    let report = try ScaleReport(of: [SyntheticScales.run(configuration: configuration)])
    #expect(report.caveats == ["NormFormer: the run began with a checkpoint's weights, and its gains there"])
  }

  @Test func smallHeadsAreListed() throws {
    let report = try ScaleReport(
      of: [
        SyntheticScales.checkpoint([
          ("c_attn", [[1, 0.0999, -0.05], [0.1, 2, .nan]]), ("w_resid", [[0.01], [1]]),
        ])
      ])
    let heads = report.entries.flatMap(\.profiles).flatMap(\.smallHeads)
    #expect(
      heads.map(\.layer) == [0, 0] && heads.map(\.head) == [1, 2] && heads.map(\.value) == [0.0999, -0.05])
    #expect(
      report.headTable?.rows.count == 2
        && report.headTable?.notes == ["2 of 6 heads; layers and heads are counted from 0."])
    #expect(try ScaleReport(of: [SyntheticScales.checkpoint([("w_resid", [[1], [1]])])]).headTable == nil)
  }

  @Test func whatIsNotFiniteIsNamed() throws {
    let report = try ScaleReport(of: [
      SyntheticScales.checkpoint([("attn_ln.weight", [[1, 2], [.nan, 3]])])
    ])
    let layer = report.entries[0].profiles[0].layers[1].pooled
    #expect(layer.nonfiniteCount == 1 && layer.median == 3)
    #expect(report.caveats.contains { $0.contains("attn_ln.weight of layer 1: 1 of 2 (element 0)") })
    let figure = report.boxFigure(addsPaper: false, program: program, command: command)
    #expect(SVGCheck(figure.svg).words.contains("not finite"))
  }

  @Test func layersWithoutAScaleAreLeftOut() throws {
    let some = ScaleSource(
      title: "m",
      origin: .checkpoint(
        layers: [4, 5, 6],
        gains: [4, 6].map { ScaleSource.Gain(name: "w_resid", layer: $0, values: [Double($0)]) }))
    let report = try ScaleReport(of: [some])
    #expect(report.entries[0].profiles[0].layers.map(\.number) == [4, 6])
    #expect(try report.table(layers: .listed([-1])).rows.count == 1)
    #expect(throws: AnalysisError.self) { try report.table(layers: .listed([4])) }
  }

  // MARK: - What cannot be shown

  /// Gemma and OLMo 2 have a norm on the output of each sublayer.
  @Test func normsOfBothBranchesAreShown() throws {
    let names = ["self_attn_layer_norm.weight", "attn_ln.weight", "ffn_ln.weight"]
    let source = SyntheticScales.checkpoint(names.map { ($0, [[1, 2], [1, 3]]) })
    #expect(try ScaleReport(of: [source]).scales == ["attn_ln.weight", "ffn_ln.weight"])
  }

  @Test func aModelWithoutTheScalesSaysWhatItHas() throws {
    let plain = SyntheticScales.run(scales: [SyntheticScales.scales[0]])
    #expect(throws: AnalysisError.noScales(labels: ["NormFormer"], gains: [["self_attn_layer_norm"]])) {
      try ScaleReport(of: [plain])
    }
    #expect(
      try ScaleReport(of: [plain], options: ScaleOptions(includesAllGains: true)).scales == [
        "self_attn_layer_norm.weight"
      ])
    // Beside one that has them, it is a note.
    let both = try ScaleReport(of: [
      plain, SyntheticScales.checkpoint([("c_attn", Array(repeating: [1], count: 12))]),
    ])
    #expect(both.entries.count == 1 && both.caveats.contains { $0.contains("--all shows") })
  }

  @Test func unequalModelsAreRefused() throws {
    let run = SyntheticScales.run()
    #expect(
      throws: AnalysisError.duplicateRun(id: run.run?.manifest.runID ?? "", label: "NormFormer, seed 1")
    ) {
      try ScaleReport(of: [run, run])
    }
    #expect(throws: AnalysisError.unequalScaleDepths(labels: ["NormFormer", "m"], depths: [12, 2])) {
      try ScaleReport(of: [run, SyntheticScales.checkpoint([("w_resid", [[1], [1]])], title: "m")])
    }
    #expect(throws: AnalysisError.noRuns) { try ScaleReport(of: []) }
    #expect(throws: AnalysisError.noSharedSnapshot(label: "NormFormer")) {
      try ScaleReport(of: [SyntheticScales.run(step: 75)])
    }
  }
}
