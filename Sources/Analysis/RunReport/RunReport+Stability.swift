import Charts
import Documents
import RunData

extension RunReport {
  /// How high the learning rate rose: the paper's Table 4.
  var stabilitySection: Document.Section {
    let title = "Stability: how high the learning rate can rise"
    guard !stabilityGroups.isEmpty else {
      return Document.Section(
        "stability", title, [.absence("no run is a stability test (nf-probe stability, or --decay ramp).")])
    }
    // What cannot be judged must not keep the others out.
    let judged = stabilityGroups.map { group in
      (group, Result { () throws(AnalysisError) in try StabilityReport(groups: [group]) })
    }
    var blocks: [Document.Block] = []
    let sound = judged.filter { if case .success = $0.1 { true } else { false } }.map(\.0)
    if let report = try? StabilityReport(groups: sound), !sound.isEmpty {
      let figure = report.figure(program: options.program, command: options.command)
      blocks += [
        .table(Document.TablePart("stability", report.table, data: report.longTable)),
        .figure(
          Document.FigurePart(
            "stability", figure,
            caption:
              "Loss over the rising learning rate, one line a seed; its end is marked by what ended it.")),
      ]
    }
    for case (_, .failure(let problem)) in judged { blocks.append(.absence("\(problem).")) }
    return Document.Section("stability", title, blocks)
  }

  /// The sweeps whose folders are shown.
  var sweepSections: [Document.Section] {
    sweeps.enumerated().map { index, sweep in
      let name = sweeps.count > 1 ? "sweep-\(index + 1)" : "sweep"
      var blocks: [Document.Block] = [.table(Document.TablePart(name, sweep.table, data: sweep.runTable))]
      let further = [("best", sweep.choiceTable), ("crossings", sweep.crossingTable)]
      for (kind, table) in further {
        if let table { blocks.append(.table(Document.TablePart("\(name)-\(kind)", table))) }
      }
      let (program, command) = origin
      let figures = [
        (
          "perplexity", sweep.perplexityFigure(program: program, command: command),
          "Final held-out perplexity."
        ),
        (
          "curves", sweep.curveFigure(program: program, command: command),
          "Held-out perplexity over \(sweep.budget.title)."
        ),
      ]
      for (kind, figure, caption) in figures {
        blocks.append(
          figure.map { .figure(Document.FigurePart("\(name)-\(kind)", $0, caption: caption)) }
            ?? .absence(
              "\(caption.dropLast().prefix(1).lowercased() + caption.dropLast().dropFirst()): no run was validated."
            ))
      }
      return Document.Section(name, "Sweep: \(sweep.title)", blocks)
    }
  }
}
