import Text

/// A figure as LaTeX source for the package pgfplots, and the numbers that it draws.
public struct PGFPlotsFigure: Equatable, Sendable {
  /// A document of the class `standalone`; it compiles with one run of pdfLaTeX, and reads the numbers from their file.
  public var tex: String
  /// A pair of columns a series. Shorter columns end with `nan`, and `nan` between two numbers is a gap in a line.
  public var csv: String
}

extension Figure {
  /// The figure for LaTeX: panels, lines, bands and shades where ``layout()`` has them, the same colours and markers, one
  /// legend, the notes below and the origin in comments.
  ///
  /// - Parameters:
  ///   - tableName: the name of the file that the numbers will be in, without a folder.
  ///   - pointsPerLine: the most points that a line has; a longer one is thinned to the lowest and the highest point of each
  ///     of half as many columns, which a note says.
  /// - Returns: nil where a panel has a mark that pgfplots is not written for.
  public func pgfplots(tableName: String, pointsPerLine: Int = 400) -> PGFPlotsFigure? {
    let layout = layout()
    var writer = PGFPlotsWriter(layout, tableName: tableName, pointsPerLine: pointsPerLine)
    guard writer.write() else { return nil }
    return PGFPlotsFigure(tex: writer.tex, csv: writer.csv)
  }
}

/// Writes the LaTeX source of a laid-out figure.
private struct PGFPlotsWriter {
  let layout: FigureLayout
  let tableName: String
  let pointsPerLine: Int
  private(set) var tex = ""
  private var axes = ""
  private var columns: [PGFPlotsColumns] = []
  private var colors: [Color] = []
  private var isThinned = false

  init(_ layout: FigureLayout, tableName: String, pointsPerLine: Int) {
    self.layout = layout
    self.tableName = tableName
    self.pointsPerLine = pointsPerLine
  }

  private var theme: Theme { layout.figure.theme }

  /// False where a mark cannot be written.
  mutating func write() -> Bool {
    for (index, panel) in layout.panels.enumerated() {
      guard write(panel, isLast: index == layout.panels.count - 1) else { return false }
    }
    add(layout.legend.flatMap(\.entry.style.colors))
    tex = preamble + axes + notes + "\\end{tikzpicture}\n\\end{document}\n"
    return true
  }

  /// The numbers, one column each, filled up to equal length.
  var csv: String {
    let height = columns.map(\.x.count).max() ?? 0
    let header = columns.flatMap { ["\($0.name).x", "\($0.name).y"] }
    let rows = (0..<height).map { row in
      columns.flatMap { column in
        row < column.x.count
          ? [NumberText.shortest(column.x[row]), NumberText.shortest(column.y[row])] : ["nan", "nan"]
      }
    }
    return ([header] + rows).map(CSVText.line).joined()
  }

  // MARK: - Panels

  private mutating func write(_ placed: FigureLayout.PlacedPanel, isLast: Bool) -> Bool {
    var plots = ""
    var frame = placed.frame
    frame.columnWidth = frame.area.width * 2 / Double(pointsPerLine)
    for mark in placed.panel.marks {
      guard let mark = mark as? any PGFPlotsMark else { return false }
      let written = mark.pgfplots(in: frame)
      isThinned = isThinned || written.isThinned
      for plot in written.plots {
        add(plot.colors)
        let name = columnName(plot.name, in: placed.panel)
        if let x = plot.x, let y = plot.y {
          columns.append(PGFPlotsColumns(name: name, x: x, y: y))
          plots +=
            "  \\addplot [forget plot, \(plot.options)] table [x={\(name).x}, y={\(name).y}] {\\numbers}"
            + "\(plot.ending);\n"
        } else {
          plots += "  \(plot.options);\n"
        }
      }
    }
    axes +=
      "\\begin{axis}[\(options(placed, isLast: isLast))]\n" + plots + (isLast ? legend : "") + "\\end{axis}\n"
    return true
  }

  private func options(_ placed: FigureLayout.PlacedPanel, isLast: Bool) -> String {
    let (panel, area) = (placed.panel, placed.frame.area)
    let (x, y) = (placed.frame.x.limits, placed.frame.y.limits)
    // Grown upward from the figure's lower edge.
    var options = [
      "at={(\(bp(area.x)),\(bp(layout.height - area.maxY)))}", "anchor=south west", "scale only axis",
      "width=\(bp(area.width))", "height=\(bp(area.height))",
      "xmin=\(NumberText.shortest(x.lower))", "xmax=\(NumberText.shortest(x.upper))",
      "ymin=\(NumberText.shortest(y.lower))", "ymax=\(NumberText.shortest(y.upper))",
      "xlabel={\(LaTeXText.escaped(panel.xTitle))}", "title={\(heading(placed))}",
    ]
    if panel.xKind == .log10 { options.append("xmode=log") }
    if panel.yKind == .log10 { options.append("ymode=log") }
    if placed.showsYLabels { options.append("ylabel={\(LaTeXText.escaped(panel.yTitle))}") }
    options += ticks("x", placed.xTicks, hasLabels: true)
    options += ticks("y", placed.yTicks, hasLabels: placed.showsYLabels)
    if isLast, let legendOptions { options.append(legendOptions) }
    return "\n  " + options.joined(separator: ",\n  ") + ",\n"
  }

  /// Those of the SVG figure, at round numbers.
  private func ticks(_ axis: String, _ ticks: Ticks, hasLabels: Bool) -> [String] {
    func list(_ values: [Double]) -> String {
      values.map { NumberText.shortest($0 == 0 ? 0 : $0) }.joined(separator: ",")
    }
    let labels = ticks.major.map { tick in
      let label = LaTeXText.escaped(tick.label)
      return "{\(label)\(tick.exponent.map { "\\textsuperscript{\(LaTeXText.escaped($0))}" } ?? "")}"
    }
    return [
      "\(axis)tick={\(list(ticks.major.map(\.value)))}", "minor \(axis)tick={\(list(ticks.minor))}",
      "\(axis)ticklabels={\(hasLabels ? labels.joined(separator: ",") : "")}",
    ]
  }

  private func heading(_ placed: FigureLayout.PlacedPanel) -> String {
    let subtitle = LaTeXText.escaped(placed.panel.subtitle)
    return "\\textbf{\(LaTeXText.escaped(placed.panel.title))}"
      + (subtitle.isEmpty ? "" : "\\\\{\\tiny \(subtitle)}")
  }

  // MARK: - Legend and words

  /// Below the last axis and from the first one's left edge on, with as many entries a line as the SVG figure has at most.
  private var legendOptions: String? {
    guard !layout.legend.isEmpty, let last = layout.panels.last, let first = layout.panels.first else {
      return nil
    }
    let lines = Dictionary(grouping: layout.legend, by: \.position.y)
    let perLine = (lines.values.map(\.count).max() ?? 1) + (layout.figure.legendTitle.isEmpty ? 0 : 1)
    let left = (first.frame.area.x - last.frame.area.x) / last.frame.area.width
    let down = -legendDistance / last.frame.area.height
    return
      "legend columns=\(perLine), legend style={at={(\(decimal(left)),\(decimal(down)))}, anchor=north west}"
  }

  /// From a frame's lower edge to the legend: ticks, their labels and the axis title.
  private var legendDistance: Double { theme.tickLength + theme.smallSize + theme.labelSize + 14 }

  private var legend: String {
    let title = layout.figure.legendTitle
    let heading =
      title.isEmpty
      ? "" : "  \\addlegendimage{empty legend}\\addlegendentry{\(LaTeXText.escaped(title))}\n"
    return heading
      + layout.legend.map(\.entry).map {
        "  \\addlegendimage{\($0.style.pgfplots)}\\addlegendentry{\(LaTeXText.escaped($0.text))}\n"
      }.joined()
  }

  private var notes: String {
    let thinning =
      isThinned
      ? [
        "Thinned: a line of more than \(pointsPerLine) points shows the lowest and the highest of each of"
          + " \(pointsPerLine / 2) columns."
      ] : []
    let words = (layout.figure.notes + thinning).map(LaTeXText.escaped).joined(separator: "\\\\ ")
    guard !words.isEmpty, let left = layout.panels.first?.frame.area.x else { return "" }
    let legendLines = Set(layout.legend.map(\.position.y)).count
    let bottom = layout.height - (layout.panels.map(\.frame.area.maxY).max() ?? 0)
    let top = bottom - legendDistance - 6 - 11 * Double(legendLines)
    let width = layout.width - left - theme.margin
    return
      "\\node [anchor=north west, align=left, text width=\(bp(width)), font=\\sffamily\\tiny, inner sep=0pt] at "
      + "(\(bp(left)),\(bp(top))) {\(words)};\n"
  }

  private var preamble: String {
    let definitions = colors.map { color in
      "\\definecolor{\(color.pgfplotsName)}{HTML}{\(color.hexadecimal.dropFirst().uppercased())}\n"
    }
    return """
      \(comments)\\documentclass[border=2bp]{standalone}
      \\usepackage[utf8]{inputenc}
      \\usepackage{pgfplots}
      \\pgfplotsset{compat=1.16}
      \(definitions.joined())\\pgfplotstableread[col sep=comma]{\(tableName)}\\numbers
      \\pgfplotsset{
        every axis/.append style={
          font=\\sffamily\\scriptsize, axis on top, axis lines*=left, unbounded coords=jump, filter discard warning=false,
          tick align=outside, tick style={black, line width=0.5bp}, major tick length=2.5bp, minor tick length=1.25bp,
          scaled ticks=false, mark size=\(decimal(theme.markerRadius))bp, line join=round,
          title style={at={(0,1)}, anchor=south west, align=left, font=\\sffamily\\footnotesize, inner xsep=0pt},
          legend cell align=left, legend style={draw=none, fill=none, font=\\sffamily\\scriptsize,
            /tikz/every even column/.append style={column sep=5bp}},
        },
      }
      \\begin{document}
      \\begin{tikzpicture}

      """
  }

  /// Where the figure comes from.
  private var comments: String {
    let metadata = layout.figure.metadata
    var lines = [metadata.title, "Made by: \(metadata.program)", "Command: \(metadata.command)"]
    lines += ["Runs: \(metadata.runIDs.joined(separator: ", "))"]
    lines += metadata.facts.map { "\($0.name): \($0.value)" }
    return lines.map { line in "% \(String(line.map { $0.isNewline ? " " : $0 }))\n" }.joined()
  }

  // MARK: - Names and numbers

  private mutating func add(_ found: [Color]) {
    for color in found where !colors.contains(color) { colors.append(color) }
  }

  /// `pre-ln.0-each-step`; with a number behind it where two series would have one name.
  private func columnName(_ series: String, in panel: Panel) -> String {
    let name = "\(Self.slug(panel.name)).\(Self.slug(series))"
    let taken = Set(columns.map(\.name))
    guard taken.contains(name) else { return name }
    return (2...).lazy.map { "\(name)-\($0)" }.first { !taken.contains($0) } ?? name
  }

  /// Lower-case letters, digits and hyphens: what can be a column's name in pgfplots.
  private static func slug(_ text: String) -> String {
    let words = text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return words.isEmpty ? "series" : words.joined(separator: "-")
  }

  private func bp(_ points: Double) -> String { decimal(points) + "bp" }

  private func decimal(_ number: Double) -> String { NumberText.fixed(number, decimals: 3, trimmed: true) }
}

/// A pair of columns of the companion CSV.
private struct PGFPlotsColumns {
  var name: String
  var x: [Double]
  var y: [Double]
}
