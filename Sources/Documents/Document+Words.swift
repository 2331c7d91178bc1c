extension Document {
  static let findingsID = "findings"
  static let findingsTitle = "What to look at first"
}

extension Document.Finding.Level {
  /// How it is written.
  var title: String {
    switch self {
    case .problem: "Problem"
    case .caution: "Caution"
    case .note: "Note"
    }
  }
}

/// `Table 1.`, `Figure 1.`: parts are numbered in the order in which they stand.
struct PartNumbers {
  private var tables: [String: Int] = [:]
  private var figures: [String: Int] = [:]

  init(_ document: Document) {
    for part in document.tables { tables[part.name] = tables.count + 1 }
    for part in document.figures { figures[part.name] = figures.count + 1 }
  }

  func label(of part: Document.TablePart) -> String { "Table \(tables[part.name] ?? 0)." }
  func label(of part: Document.FigurePart) -> String { "Figure \(figures[part.name] ?? 0)." }
}
