import Text

/// A table's shown cells as text, laid out for a terminal.
struct TextGrid {
  /// A cell as a reader sees it.
  struct Cell {
    /// What it says.
    var value: String
    /// The value's interval, which may go on a line of its own.
    var interval: String?

    /// Both on one line.
    var line: String { interval.map { "\(value) \($0)" } ?? value }
  }

  /// A column: its heading and a cell a row.
  struct Column {
    var title: String
    /// Words are set flush left and may be broken, numbers flush right and never.
    var isText: Bool
    /// Columns of low priority are left out first.
    var priority = 0
    var cells: [Cell]
  }

  /// The columns; the first names the rows.
  var columns: [Column]

  private static let gap = 2

  /// Columns as wide as their widest cell, each row on one line, with a rule under the header.
  var lines: [String] { lines(widths: plainWidths, isStacked: false) }

  /// Whether each row on one line is at most `width` columns wide.
  func fits(_ width: Int) -> Bool { Self.total(plainWidths) <= width }

  private var plainWidths: [Int] {
    columns.map { column in (column.cells.map(\.line) + [column.title]).map(displayWidth).max() ?? 0 }
  }

  private static func total(_ widths: [Int]) -> Int { widths.reduce(0, +) + gap * max(0, widths.count - 1) }

  // MARK: - Intervals below their values

  /// The same with intervals below their values, and words broken into lines where they have to be; nil where even so `width` columns do
  /// not hold all.
  ///
  /// - Parameter longestCell: lines that a cell of words may take.
  func stacked(width: Int, longestCell: Int = 4) -> [String]? {
    var widths = columns.map { column in
      max(column.stackedWidth, displayWidth(column.title))
    }
    let least = columns.enumerated().map { $1.leastWidth(in: width, isName: $0 == 0) }
    guard Self.total(least) <= width else { return nil }
    while Self.total(widths) > width {
      // The widest of those that can give way.
      guard
        let widest = widths.indices.filter({ widths[$0] > least[$0] }).max(by: { widths[$0] < widths[$1] })
      else { return nil }
      widths[widest] -= 1
    }
    let tallest =
      columns.indices.flatMap { index in
        columns[index].cells.map { columns[index].lines(of: $0, width: widths[index], isStacked: true).count }
      }.max() ?? 0
    return tallest <= longestCell ? lines(widths: widths, isStacked: true) : nil
  }

  private func lines(widths: [Int], isStacked: Bool) -> [String] {
    let titles = columns.indices.map { folded(columns[$0].title, width: widths[$0]) }
    let height = titles.map(\.count).max() ?? 0
    let header = (0..<height).map { line in
      // Headings stand on the rule.
      joined(
        titles.map { $0.indices.contains(line - height + $0.count) ? $0[line - height + $0.count] : "" },
        widths)
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    let rowCount = columns.first?.cells.count ?? 0
    let rows = (0..<rowCount).flatMap { row in
      let cells = columns.indices.map {
        columns[$0].lines(of: columns[$0].cells[row], width: widths[$0], isStacked: isStacked)
      }
      return (0..<(cells.map(\.count).max() ?? 1)).map { line in
        joined(cells.map { $0.indices.contains(line) ? $0[line] : "" }, widths)
      }
    }
    return header + [rule] + rows
  }

  private func joined(_ cells: [String], _ widths: [Int]) -> String {
    let padding = columns.indices.map { padded(cells[$0], to: widths[$0], flushLeft: columns[$0].isText) }
    return trimmed(padding.joined(separator: "  "))
  }

  // MARK: - Rows and columns exchanged

  /// The table turned: each row becomes a column under its name, in as many blocks as it takes; nil where not even one fits.
  ///
  /// - Parameter limits: how many rows may stand beside each other; all of them may, where they are fewer.
  func turned(width: Int, across limits: some RangeExpression<Int>) -> [String]? {
    let limits = limits.relative(to: 1..<Int.max)
    guard let names = columns.first, columns.count > 1, !names.cells.isEmpty else { return nil }
    let values = columns.dropFirst()
    let heads = names.cells.map(\.line)
    let longestName = values.map { displayWidth($0.title) }.max() ?? 0
    let narrow = min(longestName, max(width / 3, values.map { longestWord($0.title) }.max() ?? 0))
    // The name of the names stands beside them where that takes no row away.
    let named = max(narrow, longestWord(names.title))
    let most = min(heads.count, limits.upperBound - 1)
    let choices = [named, narrow].map { ($0, rowsAcross(room: width - $0, heads: heads, most: most)) }
    let (nameWidth, across) = choices[0].1 < choices[1].1 ? choices[1] : choices[0]
    guard across > 0, across >= min(limits.lowerBound, heads.count) else { return nil }
    let room = width - nameWidth
    let numberWidth = values.filter { !$0.isText }.flatMap(\.cells).map { displayWidth($0.line) }.max() ?? 0
    let wordsWidth = values.filter(\.isText).flatMap(\.cells).map { displayWidth($0.line) }.max() ?? 0
    let wanted = max(numberWidth, wordsWidth, heads.map(displayWidth).max() ?? 0)
    let valueWidth = min(room / across - Self.gap, wanted)
    let blocks = stride(from: 0, to: heads.count, by: across).map { start in
      block(
        rows: start..<min(start + across, heads.count), nameWidth: nameWidth, valueWidth: valueWidth,
        isStacked: valueWidth < numberWidth)
    }
    return Array(blocks.joined(separator: [""]))
  }

  /// Rows of a turned table that stand beside each other, evenly over as few blocks as can be; 0 where not even one has the room.
  private func rowsAcross(room: Int, heads: [String], most: Int) -> Int {
    let values = columns.dropFirst().map { $0.leastWidth(in: room) }
    let least = (values + heads.map { min(longestWord($0), room / 2) }).max() ?? 0
    let most = min(most, room / (least + Self.gap))
    guard most > 0 else { return 0 }
    let blockCount = (heads.count - 1) / most + 1
    return (heads.count - 1) / blockCount + 1
  }

  private func block(rows: Range<Int>, nameWidth: Int, valueWidth: Int, isStacked: Bool) -> [String] {
    func line(_ name: String, _ values: [String]) -> String {
      let cells = values.map { padded($0, to: valueWidth, flushLeft: rows.count == 1) }
      return trimmed(([padded(name, to: nameWidth, flushLeft: true)] + cells).joined(separator: "  "))
    }
    func lines(_ name: [String], _ values: [[String]]) -> [String] {
      (0..<([name] + values).reduce(0) { max($0, $1.count) }).map { index in
        line(
          name.indices.contains(index) ? name[index] : "",
          values.map { $0.indices.contains(index) ? $0[index] : "" })
      }
    }
    let head = lines(
      folded(columns[0].title, width: nameWidth),
      rows.map { folded(columns[0].cells[$0].line, width: valueWidth) })
    let rule = ([nameWidth] + rows.map { _ in valueWidth }).map { String(repeating: "─", count: $0) }
    let body = columns.dropFirst().flatMap { column in
      lines(
        folded(column.title, width: nameWidth),
        rows.map { column.lines(of: column.cells[$0], width: valueWidth, isStacked: isStacked) })
    }
    return head + [rule.joined(separator: "  ")] + body
  }

  // MARK: - Columns left out

  /// The table without as many columns as it takes, and the headings of those; nil where the names and one other are too many.
  func shortened(width: Int) -> (lines: [String], omitted: [String])? {
    var kept = Array(columns.indices)
    // The words that begin a row name it.
    let names = max(1, columns.prefix(while: \.isText).count)
    let order = columns.indices.dropFirst(names < columns.count ? names : 1).sorted {
      (columns[$0].priority, -$0) < (columns[$1].priority, -$1)
    }
    func fitted(_ kept: [Int]) -> [String]? {
      kept.count > 1 ? TextGrid(columns: kept.map { columns[$0] }).stacked(width: width) : nil
    }
    var lines = fitted(kept)
    for next in order where lines == nil {
      kept.removeAll { $0 == next }
      lines = fitted(kept)
    }
    guard var lines else { return nil }
    // A narrow column that went before a wide one may find a place again.
    for next in order.reversed() where !kept.contains(next) {
      let more = (kept + [next]).sorted()
      if let longer = fitted(more) { (kept, lines) = (more, longer) }
    }
    return (lines, columns.indices.filter { !kept.contains($0) }.map { columns[$0].title })
  }

  private func trimmed(_ line: String) -> String {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }
}

extension TextGrid.Column {
  /// Columns of the widest cell where intervals stand below their values.
  var stackedWidth: Int {
    cells.map { max(displayWidth($0.value), $0.interval.map(displayWidth) ?? 0) }.max() ?? 0
  }

  /// Columns that it needs at least: a number whole, words and names whole up to two fifths of the terminal.
  ///
  /// - Parameter isName: whether it names the rows, so that its words stay together.
  func leastWidth(in width: Int, isName: Bool = false) -> Int {
    let heading = displayWidth(title) <= 5 ? displayWidth(title) : longestWord(title)
    guard isText else { return max(stackedWidth, heading) }
    let content = cells.map { isName ? displayWidth($0.line) : longestWord($0.line) }.max() ?? 0
    return max(min(content, max(12, 2 * width / 5)), heading)
  }

  /// A cell's lines.
  func lines(of cell: TextGrid.Cell, width: Int, isStacked: Bool) -> [String] {
    if isText { return folded(cell.line, width: width) }
    return isStacked ? [cell.value] + [cell.interval].compactMap { $0 } : [cell.line]
  }
}
