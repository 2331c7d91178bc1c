import Charts
import Statistics
import Text

extension Table {
  /// The table as an HTML fragment: a `table` that scrolls in a box of its own where it is too wide, its notes below.
  ///
  /// Words are flush left, numbers flush right; a first column of words heads its rows. Everything is escaped. The classes `part`,
  /// `short`, `scroll`, `number`, `interval` and `notes` are for a page's style sheet, and it reads well without one.
  ///
  /// - Parameter label: what stands before the title, e.g. `Table 2.`; empty for nothing.
  public func htmlText(label: String = "") -> String {
    let shown = shownColumns
    let name = (label.isEmpty ? "" : "\(label) ") + title
    var lines = ["<div class=\"part\(rows.count <= Self.mostShortRows ? " short" : "")\">"]
    lines.append(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"\(xmlEscaped(name))\">\n<table>")
    if !name.isEmpty { lines.append("<caption>\(caption(label))</caption>") }
    lines += ["<thead>", "<tr>" + shown.map(header).joined() + "</tr>", "</thead>", "<tbody>"]
    for row in rows {
      let cells = shown.enumerated().map { place, column in
        html(row[column], kind: columns[column].kind, headsRow: place == 0)
      }
      lines.append("<tr>\(cells.joined())</tr>")
    }
    lines += ["</tbody>", "</table>", "</div>"]
    if !notes.isEmpty {
      lines.append("<ul class=\"notes\">")
      lines += notes.map { "<li>\(xmlEscaped($0))</li>" }
      lines.append("</ul>")
    }
    return lines.joined(separator: "\n") + "\n</div>\n"
  }

  /// Rows of a table that a print does not break.
  private static let mostShortRows = 12

  private func caption(_ label: String) -> String {
    let label = label.isEmpty ? "" : "<b>\(xmlEscaped(label))</b> "
    return "<span>\(label)\(xmlEscaped(title))</span>"
  }

  private func header(_ column: Int) -> String {
    let style = columns[column].kind == .text ? "" : " class=\"number\""
    return "<th scope=\"col\"\(style)>\(xmlEscaped(columns[column].title))</th>"
  }

  private func html(_ cell: Cell, kind: Kind, headsRow: Bool) -> String {
    let content = Self.htmlContent(cell, kind: kind)
    guard kind == .text else { return "<td class=\"number\">\(content)</td>" }
    return headsRow ? "<th scope=\"row\">\(content)</th>" : "<td>\(content)</td>"
  }

  private static let spelling = Spelling(
    missing: "–", notANumber: "undefined", infinity: "∞", minus: "−")

  /// A word such as a digest, which is longer than a column can be, may be broken every sixteen characters.
  private static func breakable(_ text: String) -> String {
    text.split(separator: " ", omittingEmptySubsequences: false).map { word in
      guard word.count > 40 else { return xmlEscaped(String(word)) }
      let characters = Array(word)
      return stride(from: 0, to: characters.count, by: 16).map { start in
        xmlEscaped(String(characters[start..<min(start + 16, characters.count)]))
      }.joined(separator: "<wbr>")
    }.joined(separator: " ")
  }

  /// An interval stands apart, so that it may go on a line of its own.
  private static func htmlContent(_ cell: Cell, kind: Kind) -> String {
    guard case .estimate(let estimate) = cell, let interval = estimate.interval else {
      return breakable(text(cell, kind: kind, spelling))
    }
    let ends = [interval.lower, interval.upper].map { text(.number($0), kind: kind, spelling) }
    return "\(text(.number(estimate.value), kind: kind, spelling)) "
      + "<span class=\"interval\">[\(ends[0]), \(ends[1])]</span>"
  }
}
