import Foundation

/// A Jupyter notebook of format 4.5.
///
/// Format: [nbformat.readthedocs.io](https://nbformat.readthedocs.io/en/latest/format_description.html).
public struct Notebook: Encodable {
  /// A text or a piece of code.
  struct Cell: Encodable {
    /// Letters, digits, `-` and `_`; each once a notebook.
    var id: String
    var source: String
    /// Nil for a text in Markdown.
    var outputs: [Output]?

    /// A text.
    static func markdown(_ id: String, _ text: String) -> Cell { Cell(id: id, source: text, outputs: nil) }

    /// Code with what it shows.
    static func code(_ id: String, _ text: String, _ outputs: [Output] = []) -> Cell {
      Cell(id: id, source: text, outputs: outputs)
    }

    private enum Key: String, CodingKey {
      case id, source, outputs, metadata
      case kind = "cell_type"
      case count = "execution_count"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(id, forKey: .id)
      try container.encode(outputs == nil ? "markdown" : "code", forKey: .kind)
      try container.encode(lines(source), forKey: .source)
      try container.encode([String: String](), forKey: .metadata)
      guard let outputs else { return }
      try container.encode(outputs, forKey: .outputs)
      // No kernel has run the cell: its output comes from this program.
      try container.encodeNil(forKey: .count)
    }
  }

  /// Something shown below a cell, in several forms: `image/svg+xml`, `text/markdown`, `text/plain`.
  struct Output: Encodable {
    var data: [String: String]

    private enum Key: String, CodingKey {
      case data, metadata
      case kind = "output_type"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try container.encode("display_data", forKey: .kind)
      try container.encode(data.mapValues(lines), forKey: .data)
      try container.encode([String: String](), forKey: .metadata)
    }
  }

  var cells: [Cell]

  private enum Key: String, CodingKey {
    case cells, metadata, nbformat
    case minor = "nbformat_minor"
  }

  /// Writes the format.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(cells, forKey: .cells)
    let metadata = [
      "kernelspec": ["display_name": "Python 3", "language": "python", "name": "python3"],
      "language_info": ["name": "python"],
    ]
    try container.encode(metadata, forKey: .metadata)
    try container.encode(4, forKey: .nbformat)
    try container.encode(5, forKey: .minor)
  }

  /// The file's text; the same notebook gives the same bytes.
  public func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}

/// A text as notebooks keep it: a list of lines with their ends.
private func lines(_ text: String) -> [String] {
  var result = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) + "\n" }
  if let last = result.popLast(), last != "\n" { result.append(String(last.dropLast())) }
  return result
}
