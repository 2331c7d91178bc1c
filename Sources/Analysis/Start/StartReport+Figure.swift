import Charts
import Statistics

extension StartReport {
  /// The last layer's gradient over depth (Xiong et al., Figure 3c, d), one line an architecture, with the slope that theory's bound has
  /// through Pre-LN's first point.
  public func depthFigure(program: String, command: String) -> Figure? {
    guard Set(entries.map(\.depth)).count > 1 else { return nil }
    let styles = SeriesStyle.categories(labels.count)
    var marks: [any Mark] = []
    for (label, style) in zip(labels, styles) {
      let own = entries(of: label)
      marks += series(
        label, x: own.map { Double($0.depth) },
        own.map { gradientNorm($0, tensor, layer: $0.depth - 1) }, style)
    }
    if let first = entries(of: "Pre-LN").first {
      let depths = entries(of: "Pre-LN").map { Double($0.depth) }
      let start = gradientNorm(first, tensor, layer: first.depth - 1).value
      marks.append(
        LineMark(
          "1/√depth", x: depths, y: depths.map { start * (depths[0] / $0).squareRoot() },
          style: SeriesStyle(color: Color(0x777777), dash: [1, 1.5], lineWidth: 0.7)))
    }
    let panel = Panel(
      title: "", xTitle: "layers", yTitle: "|gradient| of the last \(tensor)", xKind: .log10, yKind: .log10,
      xIsWhole: true, marks: marks)
    return Figure(
      width: .column, rows: [[panel]], panelHeight: 150, notes: [figureNote],
      metadata: metadata("Gradient of the last layer over depth", program, command))
  }

  /// Both tensors' gradients over the layers of the deepest model (Figure 3a, b).
  public func layerFigure(program: String, command: String) -> Figure {
    let styles = SeriesStyle.categories(labels.count)
    let panels = [otherTensor, tensor].map { name in
      Panel(
        title: name, xTitle: "layer", yTitle: "|mean gradient|", yKind: .log10, xIsWhole: true,
        marks: zip(labels, styles).flatMap { label, style -> [any Mark] in
          guard let entry = deepest(label) else { return [] }
          return series(
            label, x: (0..<entry.depth).map(Double.init),
            (0..<entry.depth).map { gradientNorm(entry, name, layer: $0) }, style)
        })
    }
    return Figure(
      width: .page, rows: [panels], notes: [figureNote],
      metadata: metadata("Expected gradients by layer", program, command))
  }

  /// E‖x_l‖² / d over the layers of the deepest model, Lemma 2's bounds for Pre-LN shaded from the measured start on.
  public func streamFigure(program: String, command: String) -> Figure {
    let styles = SeriesStyle.categories(labels.count)
    var marks: [any Mark] = []
    if let entry = deepest("Pre-LN") {
      let layers = (0...entry.depth).map(Double.init)
      let start = streamSize(entry, layer: 0).value
      marks.append(
        BandMark(
          "Lemma 2, Pre-LN", x: layers, lower: layers.map { start + $0 / 2 },
          upper: layers.map { start + 1.5 * $0 }, color: Color(0x777777)))
    }
    for (label, style) in zip(labels, styles) {
      guard let entry = deepest(label) else { continue }
      marks += series(
        label, x: (0...entry.depth).map(Double.init), (0...entry.depth).map { streamSize(entry, layer: $0) },
        style)
    }
    let panel = Panel(
      title: "", xTitle: "layers passed", yTitle: "mean |x|² / d", xIsWhole: true, marks: marks)
    return Figure(
      width: .column, rows: [[panel]], panelHeight: 150,
      extraLegend: deepest("Pre-LN") == nil
        ? [] : [LegendEntry("Lemma 2's bounds for Pre-LN", style: .box(Color(0xDADADA)))],
      notes: [figureNote], metadata: metadata("Size of the residual stream by layer", program, command))
  }

  private func series(_ name: String, x: [Double], _ values: [Estimate], _ style: SeriesStyle) -> [any Mark] {
    let line = LineMark(name, x: x, y: values.map(\.value), style: style, markerCount: x.count)
    guard values.allSatisfy({ $0.interval != nil }) else { return [line] }
    return [
      BandMark(
        "\(name), 95 %", x: x, lower: values.map { $0.interval?.lower ?? .nan },
        upper: values.map { $0.interval?.upper ?? .nan }, color: style.color), line,
    ]
  }

  private var figureNote: String {
    "At initialisation, \(setting). Mean over n = \(seedCount) seeds"
      + (seedCount >= 3 ? ", bands: 95 %, Student's t." : ".")
  }

  private func metadata(_ title: String, _ program: String, _ command: String) -> Metadata {
    Metadata(
      title: title, description: notes.joined(separator: " "), program: program, command: command, runIDs: [],
      facts: [("architectures", labels.joined(separator: ", ")), ("setting", setting)])
  }
}
