import Charts
import RunData
import Statistics
import Text

extension ScaleReport {
  /// The paper's Figure 4: a panel a scale, a box a layer, a row a group; lines at 1 and at what weight decay alone would have
  /// made of it.
  ///
  /// Panels of one scale have the same axes in every row but the paper's own.
  /// - Parameters:
  ///   - addsPaper: whether the paper's own boxes stand in a row below.
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func boxFigure(addsPaper: Bool, program: String, command: String) -> Figure {
    let rows = scaleBlocks.flatMap { names in
      entries.map { entry in names.map { boxPanel($0, entry) } }
        + (addsPaper && names.contains { PaperFigure4.boxes(of: $0) != nil } ? [names.map(paperPanel)] : [])
    }
    return Figure(
      width: width(of: rows), rows: rows, sharesX: false, sharesY: false, panelHeight: 105,
      notes: boxNotes(addsPaper: addsPaper),
      metadata: metadata(
        title: "Learned scales by layer",
        description:
          "Box plots of the elements of each layer's gains and learned scales, one panel a scale, layers from left to right,"
          + " with lines at the initial value\(beginsAtOne ? " 1" : "") and at what weight decay alone would have made of"
          + " it.",
        program: program, command: command))
  }

  private func boxPanel(_ name: String, _ entry: Entry) -> Panel {
    guard let profile = entry.profile(name) else {
      return panel(name, entry.group.label, ["not in this model"], yTitle: "", xTitle: "", marks: [])
    }
    let boxes = BoxMark(
      GainName.short(name), boxes: profile.layers.indices.map { box(profile, at: $0) }, color: color(name))
    var marks: [any Mark] = [room(name)] + Self.initialValue(entry.layout(name)) + [boxes]
    if case .acted = entry.decay, let value = entry.decayed(name) {
      marks.append(
        ReferenceMark(Self.decayedValue(entry.layout(name)), at: value, color: .black, dash: [2, 1.5]))
    }
    return panel(
      name, entry.group.label, trendFacts(profile), yTitle: "value", xTitle: "layer", marks: marks)
  }

  /// Where a layer has few elements, a point for each instead of the outliers.
  private func box(_ profile: ScaleProfile, at index: Int) -> BoxMark.Box {
    let layer = profile.layers[index]
    let summary = layer.pooled
    let heads = profile.heads.flatMap { $0[index] }
    let drawsEach = !heads.isEmpty && heads.count <= Self.mostPoints
    func extent(_ low: Double, _ high: Double) -> Extent? {
      summary.count > 0 ? Extent(lower: low, upper: high) : nil
    }
    return BoxMark.Box(
      x: Double(layer.number), median: summary.count > 0 ? summary.median : nil,
      quartiles: extent(summary.firstQuartile, summary.thirdQuartile),
      whiskers: extent(summary.lowerWhisker, summary.upperWhisker),
      outliers: drawsEach ? [] : summary.outliers,
      points: drawsEach ? heads.filter(\.isFinite) : [], hasNonfinite: summary.nonfiniteCount > 0)
  }

  /// As many heads have a point each.
  private static let mostPoints = 16

  private func trendFacts(_ profile: ScaleProfile) -> [String] {
    guard profile.trend.value.isFinite else { return [] }
    func text(_ number: Double) -> String { typographic(NumberText.fixed(number, decimals: 2)) }
    // Spaces at which no line breaks.
    let rho = "ρ\u{A0}=\u{A0}\(text(profile.trend.value))"
    if let interval = profile.trend.interval {
      return ["\(rho)\u{A0}[\(text(interval.lower)),\u{A0}\(text(interval.upper))]"]
    }
    guard profile.correlations.count == 1 else { return [rho] }
    let p = profile.correlations[0].pValue
    return [
      rho
        + (p < 0.0001
          ? ", p\u{A0}<\u{A0}0.0001"
          : ", p\u{A0}=\u{A0}" + NumberText.fixed(p, decimals: p < 0.01 ? 4 : 2, trimmed: true))
    ]
  }

  /// The axes of every group's panel of one scale.
  private func room(_ name: String) -> RoomMark {
    let profiles = entries.compactMap { $0.profile(name) }
    let layers = profiles.flatMap(\.layers).map { Double($0.number) }
    let ends = profiles.flatMap(\.layers).flatMap { [$0.pooled.minimum, $0.pooled.maximum] }
    let own = entries.filter { $0.profile(name) != nil }
    let known = own.compactMap { $0.decayed(name) } + own.compactMap { $0.layout(name).initialValue }
    return RoomMark(
      x: Extent(of: layers).map { Extent(lower: $0.lower - 0.5, upper: $0.upper + 0.5) },
      y: Extent(of: ends + known))
  }

  private func paperPanel(_ name: String) -> Panel {
    let words = GainName.words(name)
    let boxes = PaperFigure4.boxes(of: name).map { boxes in
      BoxMark(
        GainName.short(name), boxes: boxes.enumerated().map { BoxMark.Box($1, layer: $0) },
        color: color(name), isHollow: true)
    }
    let marks: [any Mark] =
      boxes.map { Self.initialValue(ScaleLayout(name: name, axis: .modelElement)) + [$0] } ?? []
    let range = Extent(union: marks.compactMap { $0.yExtent(.linear) })
    let axis = heightRatio(of: range, to: room(name).y, in: .linear).map {
      "; a unit is \($0) times as high as above"
    }
    return Panel(
      title: words, name: "\(words), arXiv v2",
      subtitle: "arXiv v2, 125M"
        + (boxes == nil ? ": not in its figure" : ", no ResScale, digitised" + (axis ?? "")),
      xTitle: "layer", yTitle: "value", xIsWhole: true, marks: marks)
  }

  private func boxNotes(addsPaper: Bool) -> [String] {
    var sentences = entries.map { "\($0.group.label): \($0.origin)." }
    sentences.append(
      "Boxes: quartiles and median of a layer's elements; whiskers: the furthest within 1.5 interquartile ranges; small"
        + " points: elements beyond, of HeadScale every head where there are \(Self.mostPoints) or fewer a box."
    )
    sentences.append("ρ: Spearman's rank correlation of the medians with depth\(pooledTrend).")
    if !testNote.isEmpty { sentences.append(testNote) }
    var notes = [sentences.joined(separator: " "), decayNotes.joined(separator: " ")]
    if addsPaper {
      notes.append(
        "Last row: \(PaperFigure4.label) from the paper's Figure 4 (arXiv 2110.09456v2, page 7) to about ±0.005; outliers"
          + " not read; a triangle: the whisker leaves that figure; weight decay of that run not stated.")
    }
    return notes
  }
}
