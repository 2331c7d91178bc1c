import Charts
import Statistics
import Text

// Markdown and LaTeX: for readers, so with the digits and the columns that they need.

extension Table {
  /// How a form spells what is not an ordinary number.
  struct Spelling {
    var missing: String
    var notANumber: String
    var infinity: String
    var minus: String
  }

  func markdownText() -> String {
    let spelling = Spelling(missing: "–", notANumber: "undefined", infinity: "∞", minus: "−")
    let shown = shownColumns
    let rules = shown.map { columns[$0].kind == .text ? "---" : "---:" }
    let lines =
      [shown.map { markdownEscaped(columns[$0].title) }, rules]
      + texts(spelling).map { $0.map(markdownEscaped) }
    let body = lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    let heading = title.isEmpty ? "" : "**\(markdownEscaped(title))**\n\n"
    return heading + body + (notes.isEmpty ? "" : "\n") + notes.map { "- \(markdownEscaped($0))\n" }.joined()
  }

  func latexText() -> String {
    let spelling = Spelling(missing: "--", notANumber: "undefined", infinity: "∞", minus: "−")
    let shown = shownColumns
    let alignment = shown.map { columns[$0].kind == .text ? "l" : "r" }.joined()
    let lines = ([shown.map { columns[$0].title }] + texts(spelling)).map { line in
      "    " + line.map(LaTeXText.escaped).joined(separator: " & ") + " \\\\\n"
    }
    return """
      % needs \\usepackage{booktabs}
      \\begin{table}
        \\centering
        \\caption{\(LaTeXText.escaped(title))}
        \\begin{tabular}{\(alignment)}
          \\toprule
      \(lines[0])    \\midrule
      \(lines.dropFirst().joined())    \\bottomrule
        \\end{tabular}
      \(notes.map { "  \\par\\footnotesize \(LaTeXText.escaped($0))\n" }.joined())\\end{table}

      """
  }

  /// The rows' shown cells as a reader sees them.
  private func texts(_ spelling: Spelling) -> [[String]] {
    rows.map { row in shownColumns.map { Self.text(row[$0], kind: columns[$0].kind, spelling) } }
  }

  /// A cell as a reader sees it.
  static func text(_ cell: Cell, kind: Kind, _ spelling: Spelling) -> String {
    textCell(cell, kind: kind, spelling).line
  }

  /// A cell as a reader sees it, its interval apart.
  static func textCell(_ cell: Cell, kind: Kind, _ spelling: Spelling) -> TextGrid.Cell {
    let precision = precision(of: kind)
    switch cell {
    case .text(let text): return TextGrid.Cell(value: text)
    case .integer(let number): return TextGrid.Cell(value: text(Double(number), .decimals(0), spelling))
    case .number(let number): return TextGrid.Cell(value: text(number, precision, spelling))
    case .estimate(let estimate):
      let ends = estimate.interval.map { [$0.lower, $0.upper].map { text($0, precision, spelling) } }
      return TextGrid.Cell(
        value: text(estimate.value, precision, spelling), interval: ends.map { "[\($0[0]), \($0[1])]" })
    case .missing: return TextGrid.Cell(value: spelling.missing)
    }
  }

  private static func precision(of kind: Kind) -> Precision {
    switch kind {
    case .number(let precision), .estimate(let precision): return precision
    case .integer: return .decimals(0)
    case .text: return .significant(6)
    }
  }

  private static func text(_ number: Double, _ precision: Precision, _ spelling: Spelling) -> String {
    if number.isNaN { return spelling.notANumber }
    let magnitude: String
    if number.isInfinite {
      magnitude = spelling.infinity
    } else {
      switch precision {
      case .significant(let digits): magnitude = NumberText.significant(number.magnitude, digits: digits)
      case .decimals(let decimals): magnitude = NumberText.fixed(number.magnitude, decimals: decimals)
      }
    }
    let isZero = !magnitude.contains { $0 != "0" && $0 != "." }
    return number < 0 && !isZero ? spelling.minus + magnitude : magnitude
  }
}
