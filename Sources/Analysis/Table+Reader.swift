import Charts

// Terminal, Markdown and LaTeX: for readers, so with the digits and the columns that they need.

extension Table {
  /// How a form spells what is not an ordinary number.
  struct Spelling {
    var missing: String
    var notANumber: String
    var infinity: String
    var minus: String
  }

  /// Columns as wide as their widest cell, a rule under the header, notes below.
  func terminalText() -> String {
    let shown = shownColumns
    let spelling = Spelling(missing: "–", notANumber: "undefined", infinity: "inf", minus: "-")
    let lines = [shown.map { columns[$0].title }] + texts(spelling)
    let widths = shown.indices.map { column in lines.map { displayWidth($0[column]) }.max() ?? 0 }
    var output = lines.map { line in
      var cells = shown.indices.map { index in
        padded(line[index], to: widths[index], flushLeft: columns[shown[index]].kind == .text)
      }.joined(separator: "  ")
      while cells.last == " " { cells.removeLast() }
      return cells
    }
    output.insert(widths.map { String(repeating: "─", count: $0) }.joined(separator: "  "), at: 1)
    output.insert(contentsOf: title.isEmpty ? [] : [title, ""], at: 0)
    if !notes.isEmpty { output.append("") }
    for note in notes { output.append(contentsOf: wrapped(note, width: 100)) }
    return output.map { $0 + "\n" }.joined()
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
    switch cell {
    case .text(let text): return text
    case .integer(let number): return text(Double(number), .decimals(0), spelling)
    case .number(let number): return text(number, precision(of: kind), spelling)
    case .estimate(let estimate):
      let precision = precision(of: kind)
      let value = text(estimate.value, precision, spelling)
      guard let interval = estimate.interval else { return value }
      let ends = [interval.lower, interval.upper].map { text($0, precision, spelling) }
      return "\(value) [\(ends[0]), \(ends[1])]"
    case .missing: return spelling.missing
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
