import Text

/// A mark that can be written for pgfplots.
protocol PGFPlotsMark {
  /// What of the mark is drawn in a frame, from back to front, and whether points were left out.
  func pgfplots(in frame: Frame) -> (plots: [PGFPlot], isThinned: Bool)
}

/// One `\addplot` with its numbers; or, without numbers, a command of TikZ.
struct PGFPlot {
  /// The series in the companion CSV.
  var name = ""
  /// The plot's options, or the command.
  var options: String
  /// What follows the numbers.
  var ending = ""
  var colors: [Color]
  var x: [Double]?
  var y: [Double]?
}

extension LineMark: PGFPlotsMark {
  func pgfplots(in frame: Frame) -> (plots: [PGFPlot], isThinned: Bool) {
    let pieces = shownPieces(in: frame)
    var (x, y): ([Double], [Double]) = ([], [])
    for (_, kept) in pieces where kept.count > 1 {
      if !x.isEmpty {
        x.append(.nan)
        y.append(.nan)
      }
      x += kept.map { self.x[$0] }
      y += kept.map { self.y[$0] }
    }
    var plots: [PGFPlot] = []
    if !x.isEmpty {
      plots.append(PGFPlot(name: name, options: lineOptions(x.count), colors: [style.color], x: x, y: y))
    }
    let dots = pieces.filter { $0.kept.count == 1 }.map { $0.kept[0] }
    if !dots.isEmpty {
      plots.append(
        PGFPlot(
          name: "\(name) alone", options: "only marks, mark=*, mark size=0.8bp, \(style.color.pgfplotsName)",
          colors: [style.color], x: dots.map { self.x[$0] }, y: dots.map { self.y[$0] }))
    }
    return (plots + strays(in: frame), pieces.contains { $0.kept.count < $0.piece.count })
  }

  private func lineOptions(_ count: Int) -> String {
    let stroke = Stroke(color: style.color, width: style.lineWidth, dash: style.dash).pgfplots
    guard markerCount > 0 else { return stroke + ", mark=none" }
    let distance = max(1, count / markerCount)
    let phase = max(1, Int(Double(distance) * markerPhase))
    return "\(stroke), \(style.pgfplotsMarker), mark repeat=\(distance), mark phase=\(phase)"
  }

  /// Numbers without a place, at the edges: the first of each point of width.
  private func strays(in frame: Frame) -> [PGFPlot] {
    func row(_ name: String, at edge: Double, _ style: SeriesStyle, _ isMeant: (Double) -> Bool) -> [PGFPlot]
    {
      var seen: Set<Double> = []
      let places = lost(in: frame).filter { index in
        isMeant(y[index]) && frame.xPosition(x[index]).map { seen.insert($0.rounded()).inserted } == true
      }
      guard !places.isEmpty else { return [] }
      return [
        PGFPlot(
          name: "\(self.name) \(name)", options: "only marks, \(style.pgfplotsMarker)", colors: [style.color],
          x: places.map { x[$0] }, y: places.map { _ in edge })
      ]
    }
    let limits = frame.y.limits
    return row("not finite", at: limits.upper, Strays.nonfiniteStyle(style.color)) { !$0.isFinite }
      + row("zero or less", at: limits.lower, Strays.notPositiveStyle(style.color), \.isFinite)
  }
}

extension BandMark: PGFPlotsMark {
  /// Each piece as a closed outline: the upper edge, then the lower one back.
  func pgfplots(in frame: Frame) -> (plots: [PGFPlot], isThinned: Bool) {
    let outlines = shownPieces(in: frame)
    let plots = outlines.map { piece in
      PGFPlot(
        name: name,
        options: "draw=none, mark=none, fill=\(color.pgfplotsName), "
          + "fill opacity=\(NumberText.fixed(opacity, decimals: 2, trimmed: true))",
        ending: " -- cycle", colors: [color],
        x: piece.columns.map { x[$0.highest] } + piece.columns.reversed().map { x[$0.lowest] },
        y: piece.columns.map { upper[$0.highest] } + piece.columns.reversed().map { lower[$0.lowest] })
    }
    return (plots, outlines.contains { $0.isThinned })
  }
}

extension ShadeMark: PGFPlotsMark {
  func pgfplots(in frame: Frame) -> (plots: [PGFPlot], isThinned: Bool) {
    let (x, y) = (frame.x.limits, frame.y.limits)
    let (left, right) = (max(range.lower, x.lower), min(range.upper, x.upper))
    guard left < right else { return ([], false) }
    let corners = [(left, y.lower), (right, y.upper)].map { corner in
      "(axis cs:\(NumberText.shortest(corner.0)),\(NumberText.shortest(corner.1)))"
    }
    let command = "\\fill [\(color.pgfplotsName)] \(corners[0]) rectangle \(corners[1])"
    return ([PGFPlot(options: command, colors: [color])], false)
  }
}

extension ReferenceMark: PGFPlotsMark {
  func pgfplots(in frame: Frame) -> (plots: [PGFPlot], isThinned: Bool) {
    guard frame.y.isShown(value) else { return ([], false) }
    let (x, y) = (frame.x.limits, NumberText.shortest(value))
    let command =
      "\\draw [\(stroke.pgfplots)] (axis cs:\(NumberText.shortest(x.lower)),\(y)) -- "
      + "(axis cs:\(NumberText.shortest(x.upper)),\(y))"
    return ([PGFPlot(options: command, colors: [stroke.color])], false)
  }
}

extension SegmentsMark: PGFPlotsMark {
  func pgfplots(in frame: Frame) -> (plots: [PGFPlot], isThinned: Bool) {
    var (x, y): ([Double], [Double]) = ([], [])
    for index in places.indices {
      let ends = [from[index], to[index]].map { isHorizontal ? ($0, places[index]) : (places[index], $0) }
      guard ends.allSatisfy({ frame.xPosition($0.0) != nil && frame.yPosition($0.1) != nil }) else {
        continue
      }
      if !x.isEmpty {
        x.append(.nan)
        y.append(.nan)
      }
      x += ends.map(\.0)
      y += ends.map(\.1)
    }
    guard !x.isEmpty else { return ([], false) }
    let plot = PGFPlot(
      name: name, options: "\(stroke.pgfplots), mark=none", colors: [stroke.color], x: x, y: y)
    return ([plot], false)
  }
}

// MARK: - Styles

extension Color {
  /// The name that the document defines for it.
  var pgfplotsName: String { "c" + hexadecimal.dropFirst() }
}

extension Stroke {
  var pgfplots: String {
    let pattern = dash.enumerated().map {
      "\($0.offset % 2 == 0 ? "on" : "off") \(NumberText.shortest($0.element))bp"
    }
    return "\(color.pgfplotsName), line width=\(NumberText.shortest(width))bp"
      + (pattern.isEmpty ? "" : ", dash pattern=\(pattern.joined(separator: " "))")
  }
}

extension SeriesStyle {
  /// `mark=…` with its options.
  var pgfplotsMarker: String {
    let name =
      switch marker {
      case .circle: "*"
      case .square: "square*"
      case .triangle, .wedge: "triangle*"
      case .diamond: "diamond*"
      case .cross: "x"
      }
    var options = ["solid", "draw=\(color.pgfplotsName)", "fill=\(isHollow ? "white" : color.pgfplotsName)"]
    if marker == .wedge { options.append("rotate=180") }
    return "mark=\(name), mark options={\(options.joined(separator: ", "))}"
  }
}

extension LegendStyle {
  /// What `\addlegendimage` takes.
  var pgfplots: String {
    switch self {
    case .line(let style):
      Stroke(color: style.color, width: style.lineWidth, dash: style.dash).pgfplots + ", "
        + style.pgfplotsMarker
    case .marker(let style): "only marks, " + style.pgfplotsMarker
    case .stroke(let stroke): stroke.pgfplots + ", mark=none"
    case .box(let color): "area legend, draw=\(color.pgfplotsName), fill=\(color.pgfplotsName)"
    }
  }

  /// Colours that the document has to define.
  var colors: [Color] {
    switch self {
    case .line(let style), .marker(let style): [style.color]
    case .stroke(let stroke): [stroke.color]
    case .box(let color): [color]
    }
  }
}
