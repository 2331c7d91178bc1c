import Documents
import RunData

extension RunReport {
  /// How large operations' outputs are and what heads of attention do, of the groups that recorded it; nil where none did.
  var outputSection: Document.Section? {
    guard let outputs else { return nil }
    let (program, command) = (options.program, options.command)
    let map = outputs.mapFigure(program: program, command: command).map {
      Document.Block.figure(
        Document.FigurePart("outputs", $0, caption: "RMS of every operation's output, layer by layer."))
    }
    let heads = outputs.headTable.map {
      Document.Block.table(Document.TablePart("heads", $0, data: outputs.longHeadTable))
    }
    let headMap = outputs.headFigure(program: program, command: command).map {
      Document.Block.figure(
        Document.FigurePart(
          "heads", $0, caption: "Mean entropy of each head's attention probabilities, in nats."))
    }
    return Document.Section(
      "outputs", "Outputs and attention",
      [.table(Document.TablePart("outputs", outputs.table, data: outputs.longTable))]
        + [map, heads, headMap].compactMap(\.self))
  }

  /// Groups of which every run has recorded them; all were read over one window.
  private var outputs: OutputReport? {
    let own = groups.filter { group in group.runs.allSatisfy { $0.outputSummary != nil } }.flatMap(\.runs)
    let steps = own.compactMap { $0.outputSummary?.steps }
    guard let lower = steps.map(\.lowerBound).min(), let upper = steps.map(\.upperBound).max() else {
      return nil
    }
    return try? OutputReport(
      runs: own, window: StepWindow(lower: lower, upper: upper + 1),
      allowsMixedContracts: options.allowsMixedContracts)
  }
}
