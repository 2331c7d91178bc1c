import Charts
import Documents
import RunData
import Statistics

extension RunReport {
  /// The mismatch of the report's operation: the paper's Figure 3.
  var mismatchSection: Document.Section {
    let title = "Gradient mismatch of \(options.operation)"
    guard let mismatch else {
      return Document.Section("mismatch", title, [.absence(noTraining ?? "no runs.")])
    }
    switch mismatch {
    case .failure(let problem):
      return Document.Section("mismatch", title, [.absence("\(problem).")])
    case .success(let report):
      let figure = report.figure(program: options.program, command: options.command)
      var blocks: [Document.Block] = [
        .table(Document.TablePart("mismatch", report.table, data: report.longTable)),
        .figure(
          Document.FigurePart(
            "mismatch", figure,
            caption:
              "\(report.statistic.title(of: options.operation)), layer by layer over the steps; the"
              + " window of the table is shaded.")),
      ]
      let spreads = report.spreadTable
      blocks.append(
        spreads.rows.isEmpty
          ? .absence("spreads against each other, for no two groups have a seed and a spread in common.")
          : .table(Document.TablePart("spread", spreads)))
      return Document.Section("mismatch", title, blocks)
    }
  }

  // MARK: - All operations

  /// The mismatch of every operation.
  var operationSection: Document.Section {
    let title = "Mismatch of all operations"
    guard let first = operations.first else {
      return Document.Section(
        "operations", title, [.absence(noTraining ?? "no operation has a mismatch in these runs.")])
    }
    let table = operationTable(first.mismatch)
    return Document.Section(
      "operations", title,
      [
        .text(
          "The same numbers for the gradient of every tensor of the layers, operation by operation, each group below the"
            + " other."),
        .table(Document.TablePart("operations", table, isFolded: table.rows.count > 12)),
      ])
  }

  private func operationTable(_ first: Mismatch) -> Table {
    var table = Table(
      title: "Mismatch of every operation, \(first.statistic.title) over \(first.window.title)",
      columns: [
        Table.Column("operation", title: "operation", kind: .text),
        Table.Column("group", title: "group", kind: .text),
        Table.Column("first_mean", title: "first layer", kind: .number(.significant(3))),
        Table.Column("last_mean", title: "last layer", kind: .number(.significant(3))),
        Table.Column("early_late", title: "early/late", kind: .estimate(.significant(3))),
        Table.Column("spread", title: "spread", kind: .estimate(.significant(3))),
        Table.Column("slope", title: "slope", kind: .estimate(.decimals(2))),
        Table.Column("extremes", title: "largest, smallest", kind: .text),
        Table.Column("interval", title: "n", kind: .text),
        Table.Column("caveats", title: "caveats", kind: .text, audience: .unlessEmpty),
      ], notes: operationNotes)
    for entry in operations {
      let mismatch = entry.mismatch
      table.append([
        .text(entry.operation), .text(entry.group.label),
        mismatch.means.first.map { .number($0.value) } ?? .missing,
        mismatch.means.last.map { .number($0.value) } ?? .missing, .estimate(mismatch.earlyLate),
        .estimate(mismatch.spread), .estimate(mismatch.slope),
        mismatch.extremes.map { .text("\($0.largest), \($0.smallest)") } ?? .missing,
        .text(mismatch.method.summary), .text(mismatch.caveats.map(\.description).joined(separator: "; ")),
      ])
    }
    return table
  }

  private var operationNotes: [String] {
    var notes = [
      "first layer, last layer: mean over the window in the first and the last layer that has the tensor; largest,"
        + " smallest: the layers of the spread; n: what the 95 % intervals run over."
    ]
    let silent = groups.flatMap { group in
      let layout = group.manifest.gradients
      return layout.tensorNames.indices.filter { tensor in
        let places = (0..<layout.layerCount).map { layout.index(layer: $0, tensor: tensor) }
        return places.contains { layout.elementCounts[$0] > 0 }
          && places.allSatisfy { layout.elementCounts[$0] == 0 || layout.isZeroByConstruction[$0] }
      }.map { layout.tensorNames[$0] }
    }
    if !silent.isEmpty {
      notes.append(
        "Left out, for the gradient is zero by construction: \(Set(silent).sorted().joined(separator: ", "))."
      )
    }
    return notes
  }

  // MARK: - Against the base

  /// Every other group's gradients over the base's: the paper's Figure 5.
  var ratioSection: Document.Section {
    let title = commonBase.map { "Gradients against \(groups[$0].label)" } ?? "Gradients against a baseline"
    guard !ratios.isEmpty else {
      let reason = noTraining ?? "no two groups of runs can be compared; a ratio is between two of one depth."
      return Document.Section("ratio", title, [.absence(reason)])
    }
    return Document.Section("ratio", title, ratios.enumerated().flatMap { ratioBlocks($1, number: $0 + 1) })
  }

  /// Comparisons whose figures a page still holds.
  private static let mostRatioFigures = 16

  private func ratioBlocks(_ entry: GroupRatio, number: Int) -> [Document.Block] {
    let heading = Document.Block.heading("\(entry.group.label) over \(entry.base.label)")
    let ratio: GradientRatio
    switch entry.ratio {
    case .failure(let problem): return [heading, .absence("\(problem).")]
    case .success(let found): ratio = found
    }
    guard !ratio.cells.isEmpty else { return [heading, .absence("the groups have no operation in common.")] }
    var blocks = [heading]
    blocks +=
      number <= Self.mostRatioFigures
      ? ratioFigures(ratio, number: number)
      : [
        .absence(
          "its figures: a page draws those of \(Self.mostRatioFigures) comparisons; a report of fewer groups has them."
        )
      ]
    if let table = try? ratio.table(layers: .paper) {
      blocks.append(
        .table(
          Document.TablePart("ratio-\(number)", table, data: ratio.longTable, isFolded: table.rows.count > 12)
        ))
    }
    return blocks
  }

  private func ratioFigures(_ ratio: GradientRatio, number: Int) -> [Document.Block] {
    let (program, command) = origin
    var blocks: [Document.Block] = []
    if let map = ratio.mapFigure(program: program, command: command) {
      blocks.append(
        .figure(
          Document.FigurePart(
            "ratio-\(number)-map", map,
            caption:
              "Mean gradients of \(ratio.other.label) over those of \(ratio.base.label), every operation and layer;"
              + " triangles mark ratios whose 95 % interval excludes 1.")))
    }
    if let lines = ratio.lineFigure(program: program, command: command) {
      blocks.append(
        .figure(
          Document.FigurePart(
            "ratio-\(number)-lines", lines,
            caption: "The same for the weight matrices, layer by layer (the form of the paper's Figure 5)"
              + (ratio.cells.contains { $0.ratio.interval != nil } ? "; bands: 95 % intervals." : "."))))
    }
    return blocks
  }
}
