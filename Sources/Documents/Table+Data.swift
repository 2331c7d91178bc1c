import Charts
import Statistics
import Text

// CSV and JSON: for programs, so with all digits and all columns.

extension Table {
  /// RFC 4180 with `\n` line ends: a header of column keys, then one line a row. A missing value is empty; numbers that
  /// are not finite are `nan`, `inf` and `-inf`. Title and notes are left out.
  func csvText() -> String {
    let header = columns.flatMap(Self.csvKeys)
    let lines = rows.map { row in
      zip(columns, row).flatMap { Self.csvValues($1, kind: $0.kind) }
    }
    return ([header] + lines).map(CSVText.line).joined()
  }

  private static func csvKeys(_ column: Column) -> [String] {
    guard case .estimate = column.kind else { return [column.key] }
    return [column.key, column.key + "_low", column.key + "_high"]
  }

  private static func csvValues(_ cell: Cell, kind: Kind) -> [String] {
    var values: [String]
    switch cell {
    case .text(let text): values = [text]
    case .integer(let number): values = ["\(number)"]
    case .number(let number): values = [NumberText.shortest(number)]
    case .estimate(let estimate):
      values = [NumberText.shortest(estimate.value)]
      if let interval = estimate.interval {
        values += [NumberText.shortest(interval.lower), NumberText.shortest(interval.upper)]
      }
    case .missing: values = [""]
    }
    if case .estimate = kind { values += Array(repeating: "", count: 3 - values.count) }
    return values
  }

  /// `{"title", "columns", "rows", "notes"}`; a row is an object by column key, an estimate `{"value", "low", "high"}`.
  /// A missing value is `null`; numbers that are not finite are the strings `"nan"`, `"inf"` and `"-inf"`.
  func jsonText() -> String {
    let columnTexts = columns.map {
      "{\"key\": \(JSONText.string($0.key)), \"title\": \(JSONText.string($0.title))}"
    }
    let rowTexts = rows.map { row in
      let members = zip(columns, row).map { "\(JSONText.string($0.key)): \(Self.json($1))" }
      return "{" + members.joined(separator: ", ") + "}"
    }
    return """
      {
        "title": \(JSONText.string(title)),
        "columns": \(Self.jsonList(columnTexts)),
        "rows": \(Self.jsonList(rowTexts)),
        "notes": \(Self.jsonList(notes.map(JSONText.string)))
      }

      """
  }

  private static func jsonList(_ elements: [String]) -> String {
    elements.isEmpty ? "[]" : "[\n" + elements.map { "    " + $0 }.joined(separator: ",\n") + "\n  ]"
  }

  private static func json(_ cell: Cell) -> String {
    switch cell {
    case .text(let text): return JSONText.string(text)
    case .integer(let number): return "\(number)"
    case .number(let number): return JSONText.number(number)
    case .estimate(let estimate):
      let low = estimate.interval.map { JSONText.number($0.lower) } ?? "null"
      let high = estimate.interval.map { JSONText.number($0.upper) } ?? "null"
      return "{\"value\": \(JSONText.number(estimate.value)), \"low\": \(low), \"high\": \(high)}"
    case .missing: return "null"
    }
  }
}
