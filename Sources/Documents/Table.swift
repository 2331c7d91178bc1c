import Statistics

/// A table as a value: defined once, written as terminal text, CSV, JSON, Markdown or LaTeX.
public struct Table: Equatable, Sendable {
  /// How many digits a reader needs. CSV and JSON always carry the full number.
  public enum Precision: Equatable, Sendable {
    /// So many significant digits.
    case significant(Int)
    /// So many digits behind the point.
    case decimals(Int)
  }

  /// What a column holds.
  public enum Kind: Equatable, Sendable {
    /// Words, set flush left.
    case text
    /// Whole numbers.
    case integer
    /// Numbers.
    case number(Precision)
    /// Numbers with a 95 % interval: three columns in CSV, `key`, `key_low` and `key_high`.
    case estimate(Precision)
  }

  /// Where a column is shown.
  public enum Audience: Equatable, Sendable {
    /// In every format.
    case everyone
    /// In every format, but for readers only if some row has something to show.
    case unlessEmpty
    /// In CSV and JSON only.
    case data
  }

  /// One column.
  public struct Column: Equatable, Sendable {
    /// Its name in CSV and JSON: `early_late`.
    public var key: String
    /// Its heading for readers: `early/late`.
    public var title: String
    /// What it holds.
    public var kind: Kind
    /// Where it is shown.
    public var audience: Audience
    /// What a terminal too narrow for all columns goes without first: low ones, of equal ones the last.
    public var priority: Int

    /// Creates a column.
    public init(_ key: String, title: String, kind: Kind, audience: Audience = .everyone, priority: Int = 0) {
      self.key = key
      self.title = title
      self.kind = kind
      self.audience = audience
      self.priority = priority
    }
  }

  /// One cell.
  public enum Cell: Equatable, Sendable {
    /// Words.
    case text(String)
    /// A whole number.
    case integer(Int)
    /// A number; not a number and infinities are values too, and shown.
    case number(Double)
    /// A number with an interval.
    case estimate(Estimate)
    /// Nothing: not measured, does not apply.
    case missing

    /// An estimate; nothing where it is undefined.
    package static func defined(_ estimate: Estimate) -> Cell {
      estimate.value.isNaN ? .missing : .estimate(estimate)
    }

    var isEmpty: Bool { self == .missing || self == .text("") }
  }

  /// What the table shows, in one line.
  public var title: String
  /// The columns.
  public var columns: [Column]
  /// The rows, each with one cell a column.
  public private(set) var rows: [[Cell]] = []
  /// What a reader has to know, one sentence each.
  public var notes: [String]

  /// Creates a table without rows.
  public init(title: String, columns: [Column], notes: [String] = []) {
    self.title = title
    self.columns = columns
    self.notes = notes
  }

  /// Adds a row.
  /// - Precondition: it has one cell a column.
  public mutating func append(_ row: [Cell]) {
    precondition(row.count == columns.count, "\(row.count) cells for \(columns.count) columns")
    rows.append(row)
  }

  /// Positions of the columns that readers see.
  var shownColumns: [Int] {
    columns.indices.filter { index in
      switch columns[index].audience {
      case .everyone: return true
      case .unlessEmpty: return rows.contains { !$0[index].isEmpty }
      case .data: return false
      }
    }
  }
}

/// The forms that a table is written in: the values of `--format`.
public enum TableFormat: String, Sendable, CaseIterable {
  /// Aligned text for a terminal.
  case table
  /// Comma-separated values, RFC 4180, with full-precision numbers.
  case csv
  /// One JSON object with columns, rows and notes.
  case json
  /// A GitHub-flavoured Markdown table.
  case markdown
  /// A LaTeX table that uses the booktabs package.
  case latex
}

extension Table {
  /// The table in one form; it ends with a newline.
  ///
  /// - Parameter width: columns of the terminal that text is laid out for; nil for files and pipes, which get the full width.
  public func rendered(as format: TableFormat, width: Int? = nil) -> String {
    switch format {
    case .table: return terminalText(width: width)
    case .csv: return csvText()
    case .json: return jsonText()
    case .markdown: return markdownText()
    case .latex: return latexText()
    }
  }
}
