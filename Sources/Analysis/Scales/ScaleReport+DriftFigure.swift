import Charts
import Statistics

extension ScaleReport {
  /// The median of each layer shown over training, a panel a scale, a row a group of runs; nil where there are only
  /// checkpoints.
  /// - Parameters:
  ///   - selection: the layers that get a line.
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  /// - Throws: ``AnalysisError/badLayers``.
  public func driftFigure(
    layers selection: LayerSelection, program: String, command: String
  ) throws(AnalysisError) -> Figure? {
    guard hasRuns else { return nil }
    var rows: [[Panel]] = []
    for names in scaleBlocks {
      for entry in entries where entry.group.step != nil {
        let shown = try Self.numbers(selection, in: entry.group)
        rows.append(names.map { driftPanel($0, entry, shown: shown) })
      }
    }
    return Figure(
      width: width(of: rows), rows: rows, sharesX: false, sharesY: false, panelHeight: 105,
      legendTitle: "layer", notes: driftNotes,
      metadata: metadata(
        title: "Learned scales over training",
        description:
          "The median of each layer's gains and learned scales against optimizer updates, one line a layer, one panel a scale.",
        program: program, command: command))
  }

  private func driftPanel(_ name: String, _ entry: Entry, shown: [Int]) -> Panel {
    guard let profile = entry.profile(name), let drift = ScaleDrift(of: profile, in: entry) else {
      return panel(name, entry.group.label, ["not in this model"], yTitle: "", xTitle: "", marks: [])
    }
    let steps = drift.steps.map(Double.init)
    let styles = SeriesStyle.ordered(shown.count)
    var marks = Self.initialValue(entry.layout(name))
    if case .acted = entry.decay, let decay = drift.decay {
      let style = SeriesStyle(color: .black, dash: [2, 1.5], lineWidth: 0.7)
      marks.append(LineMark(Self.decayedValue(entry.layout(name)), x: steps, y: decay, style: style))
    }
    for (index, layer) in shown.enumerated() {
      guard let position = drift.layers.firstIndex(of: layer) else { continue }
      let medians = drift.median(layer: position)
      if medians.allSatisfy({ $0.interval != nil }) {
        marks.append(
          BandMark(
            "\(layer), 95 %", x: steps, lower: medians.map { $0.interval?.lower ?? .nan },
            upper: medians.map { $0.interval?.upper ?? .nan }, color: styles[index].color, opacity: 0.15))
      }
      marks.append(
        LineMark(
          "\(layer)", x: steps, y: medians.map(\.value), style: styles[index],
          markerCount: min(5, steps.count), markerPhase: (Double(index) + 0.5) / Double(shown.count)))
    }
    return panel(name, entry.group.label, [], yTitle: "median", xTitle: "step", marks: marks)
  }

  private var driftNotes: [String] {
    let seeds = entries.map(\.group.sources.count).max() ?? 1
    var sentences = ["Median of each layer's elements."]
    if seeds > 1 {
      sentences.append(
        "Mean over seeds" + (seeds >= 3 ? "; bands: Student's t interval (95 %) over them." : "."))
    }
    return [(sentences + decayNotes).joined(separator: " ")]
  }
}
