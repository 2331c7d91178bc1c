import Text

// Terminal: for eyes, so with the digits and the columns that they need, and no wider than the screen.

extension Table {
  /// Columns as wide as their widest cell, a rule under the header, notes below.
  ///
  /// A narrow terminal gets, where the whole does not fit: intervals below their values and words broken into lines; a table of few rows
  /// turned, so that each row is a column; else fewer columns, and a line that says which are missing.
  ///
  /// - Parameter width: columns of the terminal; nil for a file or a pipe, which gets everything on one line a row.
  func terminalText(width: Int? = nil) -> String {
    let width = width.map { max(Self.narrowest, $0) }
    var (output, omitted) = fitted(to: width)
    if !title.isEmpty {
      output.insert(contentsOf: (width.map { folded(title, width: $0) } ?? [title]) + [""], at: 0)
    }
    let notes = [omission(omitted, width)].compactMap(\.self) + notes
    if !notes.isEmpty { output.append("") }
    for note in notes {
      output +=
        width.map { folded(note, width: min(Self.noteWidth, $0)) } ?? wrapped(note, width: Self.noteWidth)
    }
    return output.map { $0 + "\n" }.joined()
  }

  private static let noteWidth = 100
  /// Below this nothing is readable, and lines may wrap.
  private static let narrowest = 20
  /// Rows that a turned table has at most, where they are numbers: longer columns are read downwards.
  private static let mostTurnedRows = 8

  private func fitted(to width: Int?) -> (lines: [String], omitted: [String]) {
    let grid = grid
    guard let width, !grid.fits(width) else { return (grid.lines, []) }
    if let lines = grid.stacked(width: width) { return (lines, []) }
    if isProse, let lines = grid.turned(width: width, across: 1...1) { return (lines, []) }
    if rows.count <= Self.mostTurnedRows, let lines = grid.turned(width: width, across: 2...) {
      return (lines, [])
    }
    return grid.shortened(width: width) ?? (grid.turned(width: width, across: 1...) ?? grid.lines, [])
  }

  /// Whether it is to be read row by row: some column holds sentences.
  private var isProse: Bool {
    shownColumns.dropFirst().contains { column in
      columns[column].kind == .text
        && rows.contains { row in if case .text(let text) = row[column] { text.count > 40 } else { false } }
    }
  }

  private var grid: TextGrid {
    let spelling = Spelling(missing: "–", notANumber: "undefined", infinity: "inf", minus: "-")
    return TextGrid(
      columns: shownColumns.map { index in
        let column = columns[index]
        return TextGrid.Column(
          title: column.title, isText: column.kind == .text, priority: column.priority,
          cells: rows.map { Self.textCell($0[index], kind: column.kind, spelling) })
      })
  }

  private func omission(_ titles: [String], _ width: Int?) -> String? {
    guard let width, !titles.isEmpty else { return nil }
    return
      "Left out to fit \(width) columns: \(Self.runs(titles).joined(separator: ", ")). Wider terminals, files and pipes get them."
  }

  /// Headings that count on, such as layers, in short: `3 to 20`.
  static func runs(_ titles: [String]) -> [String] {
    var runs: [[String]] = []
    for title in titles {
      if let last = runs.last?.last.flatMap({ Int($0) }), Int(title) == last + 1 {
        runs[runs.count - 1].append(title)
      } else {
        runs.append([title])
      }
    }
    return runs.flatMap { $0.count > 2 ? ["\($0[0]) to \($0[$0.count - 1])"] : $0 }
  }
}
