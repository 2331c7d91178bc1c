import Charts
import Documents
import RunData
import Statistics
import Text

extension RunReport {
  /// Learning rate, gradient norm and clipping.
  var optimizationSection: Document.Section {
    let title = "Learning rate, gradient norm and clipping"
    guard groups.contains(where: { $0.runs.contains { !$0.steps.isEmpty } }) else {
      return Document.Section("optimization", title, [.absence(noTraining ?? "no run has recorded a step.")])
    }
    var blocks: [Document.Block] = [.table(Document.TablePart("optimization", optimizationTable))]
    if groups.allSatisfy({ $0.runs.allSatisfy(\.gradientL2.isEmpty) }) {
      blocks.append(.absence("the norm of the whole gradient, which these runs have not recorded."))
    }
    let panels = optimizationPanels
    if !panels.isEmpty {
      let figure = Figure(
        width: .page, rows: rows(panels, columns: 3), sharesY: false,
        panelHeight: 120,
        notes: GroupCurves.notes(on: groups),
        metadata: metadata(
          "Learning rate, gradient norm and clipping over the steps",
          "One panel a quantity, one line a group of runs."))
      blocks.append(
        .figure(
          Document.FigurePart(
            "optimization", figure,
            caption: "Learning rate, L2 norm of the whole gradient before clipping"
              + (clips ? " and the factor that clipping applied." : ".") + thresholdWords)))
    }
    return Document.Section("optimization", title, blocks)
  }

  private var clips: Bool {
    groups.contains { $0.runs.contains { $0.clipCoefficient.contains { $0 < 1 } } }
  }

  /// The norm that gradients are clipped to, where it is the same for all groups.
  private var threshold: Double? {
    let all = Set(groups.map { ConfigurationKeys(json: $0.manifest.configurationJSON).values["clip"] })
    return all.count == 1 ? all.first.flatMap(\.self).flatMap(Double.init) : nil
  }

  private var thresholdWords: String {
    threshold.map { " Dashed: the norm to which gradients are clipped, \(NumberText.shortest($0))." } ?? ""
  }

  private var optimizationPanels: [Panel] {
    let rate = GroupCurves(title: "learning rate", yKind: .linear, isSmoothed: false) { $0.learningRate }
    let norm = GroupCurves(
      title: "gradient norm (L2)", yKind: .log10,
      levels: threshold.map { [ReferenceMark("clipping", at: $0)] } ?? []
    ) { $0.gradientL2 }
    let clip = GroupCurves(title: "clip coefficient", yKind: .linear) { $0.clipCoefficient }
    return rate.panels(of: groups, heading: "learning rate")
      + norm.panels(of: groups, heading: "gradient norm")
      + (clips ? clip.panels(of: groups, heading: "clipping") : [])
  }

  private var optimizationTable: Table {
    var table = Table(
      title: "Learning rate, gradient norm and clipping",
      columns: [
        Table.Column("group", title: "group", kind: .text),
        Table.Column("peak_learning_rate", title: "highest rate", kind: .number(.significant(3))),
        Table.Column("last_learning_rate", title: "last rate", kind: .number(.significant(3))),
        Table.Column("clip", title: "clipped to", kind: .number(.significant(3)), audience: .unlessEmpty),
        Table.Column(
          "clipped_percent", title: "clipped steps, %", kind: .number(.decimals(1)), audience: .unlessEmpty),
        Table.Column(
          "gradient_l2_median", title: "norm, median", kind: .number(.significant(3)), audience: .unlessEmpty),
        Table.Column(
          "gradient_l2_max", title: "norm, largest", kind: .number(.significant(3)), audience: .unlessEmpty),
        Table.Column("gradient_l2_max_step", title: "at step", kind: .integer, audience: .unlessEmpty),
      ],
      notes: [
        "norm: L2 over all gradients, before clipping, over the recorded steps of all seeds; what is not finite is left out"
          + " of the median and is the largest. clipped steps: those with a clip coefficient below 1."
      ])
    for group in groups {
      let settings = ConfigurationKeys(json: group.manifest.configurationJSON).values
      let norms = group.runs.flatMap { zip($0.steps, $0.gradientL2).map { (step: $0, norm: $1) } }
      let largest = Self.largest(norms)
      table.append([
        .text(group.label), Self.number(group.runs.flatMap(\.learningRate).max()),
        Self.number(group.runs.compactMap(\.learningRate.last).max()),
        Self.number(settings["clip"].flatMap { Double($0) }),
        Self.number(group.clippedShare.map { 100 * $0 }),
        norms.isEmpty ? .missing : .number(median(norms.map(\.norm).filter(\.isFinite))),
        Self.number(largest?.norm), largest.map { .integer($0.step) } ?? .missing,
      ])
    }
    return table
  }

  static func number(_ value: Double?) -> Table.Cell { value.map { .number($0) } ?? .missing }

  /// The largest norm, the first of equal ones; what is not finite is larger than anything.
  private static func largest(_ norms: [(step: Int, norm: Double)]) -> (step: Int, norm: Double)? {
    guard var best = norms.first else { return nil }
    for one in norms where best.norm.isFinite && !(one.norm <= best.norm) { best = one }
    return best
  }

  // MARK: - Time

  /// Seconds of steps.
  var timeSection: Document.Section {
    let title = "Step time"
    let timed = (groups + stabilityGroups).contains { $0.runs.contains { !$0.seconds.isEmpty } }
    guard timed else {
      return Document.Section("time", title, [.absence("no run has recorded how long steps took.")])
    }
    return Document.Section("time", title, [.table(Document.TablePart("time", timeTable))])
  }

  private var timeTable: Table {
    var table = Table(
      title: "Wall-clock time of a step",
      columns: [
        Table.Column("group", title: "group", kind: .text),
        Self.rangeColumn("tokens", "tokens/step", allGroups.map { $0.group.runs.flatMap(\.tokens) }),
        Table.Column("seconds_median", title: "median s", kind: .number(.significant(3))),
        Table.Column("seconds_p5", title: "5 % s", kind: .number(.significant(3))),
        Table.Column("seconds_p95", title: "95 % s", kind: .number(.significant(3))),
        Table.Column("tokens_per_second", title: "tokens/s", kind: .number(.significant(3))),
        Table.Column("seconds", title: "recorded s", kind: .number(.significant(3))),
        Self.rangeColumn(
          "threads", "threads", allGroups.map { $0.group.runs.map(\.manifest.machine.threads) }),
      ],
      notes: [
        "Over the recorded steps of all seeds, validation and writing not among them; recorded s: their sum. What else the"
          + " machine did is in these numbers: they compare architectures only where runs had it to themselves."
      ])
    for (label, group) in allGroups {
      let seconds = group.runs.flatMap(\.seconds).filter(\.isFinite).sorted()
      guard !seconds.isEmpty else { continue }
      let middle = quantile(0.5, ofSorted: seconds)
      let tokens = group.runs.flatMap(\.tokens)
      let perStep = Double(tokens.reduce(0, +)) / Double(max(1, tokens.count))
      table.append([
        .text(label), Self.rangeCell(tokens), .number(middle),
        .number(quantile(0.05, ofSorted: seconds)), .number(quantile(0.95, ofSorted: seconds)),
        .number(middle > 0 ? perStep / middle : .nan), .number(seconds.reduce(0, +)),
        Self.rangeCell(group.runs.map(\.manifest.machine.threads)),
      ])
    }
    return table
  }
}

extension RunGroup {
  /// The share of recorded steps whose gradient was clipped, over all seeds; nil where that was not recorded.
  var clippedShare: Double? {
    let coefficients = runs.flatMap(\.clipCoefficient)
    guard !coefficients.isEmpty else { return nil }
    return Double(coefficients.count { $0 < 1 }) / Double(coefficients.count)
  }
}
