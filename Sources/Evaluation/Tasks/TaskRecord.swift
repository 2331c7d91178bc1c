import FileAccess
import FoundationEssentials

/// One example of a task's file, before anybody knows what its fields mean.
struct TaskRecord {
  /// The file and the line, for messages.
  let place: String
  /// The line, from 1.
  let line: Int
  /// Of files that are not JSON, texts.
  let fields: [String: JSONValue]

  func error(_ problem: String, advice: String? = nil) -> EvaluationError {
    EvaluationError(place, problem, advice: advice)
  }

  /// A text; an empty one where the field is null.
  func text(_ name: String) throws(EvaluationError) -> String {
    switch fields[name] {
    case .text(let text): return text
    case .nothing?: return ""
    default: throw error("\(name) is no text")
    }
  }

  /// A list of texts.
  func texts(_ name: String) throws(EvaluationError) -> [String] {
    guard case .list(let list)? = fields[name] else { throw error("\(name) is no list") }
    var texts: [String] = []
    for element in list {
      guard case .text(let text) = element else { throw error("\(name) holds something that is no text") }
      texts.append(text)
    }
    return texts
  }

  /// A field that names something, as a text; nil where it is not there or empty.
  func word(_ name: String) -> String? {
    switch fields[name] {
    case .text(let text): text.isEmpty ? nil : text
    case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
    default: nil
    }
  }
}

/// Reads a file's records: lines of JSON, or a table of comma- or tab-separated values under a header.
struct TaskRecordReader {
  let path: String

  private static let longest = 1 << 30

  /// The file as text, without a mark of its byte order.
  func text() throws -> String {
    let file = try RandomAccessFile(path: path)
    guard file.byteCount <= Self.longest else {
      throw EvaluationError(path, "has \(file.byteCount) bytes, too many for a task's file")
    }
    let bytes = try file.bytes(at: 0, count: file.byteCount)
    guard
      let text = String(
        validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
    else { throw EvaluationError(path, "is not UTF-8 text") }
    return text
  }

  /// The lines, without their ends; empty ones at the end left out.
  func lines() throws -> [Substring] {
    var lines = try text().split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// One record a line of JSON.
  func jsonRecords() throws -> [TaskRecord] {
    try lines().enumerated().compactMap { index, line in
      guard !line.allSatisfy(\.isWhitespace) else { return nil }
      let place = "\(path), line \(index + 1)"
      guard let fields = try? JSONDecoder().decode([String: JSONValue].self, from: Data(line.utf8)) else {
        throw EvaluationError(place, "is no object of JSON")
      }
      return TaskRecord(place: place, line: index + 1, fields: fields)
    }
  }

  /// One record a row under a header.
  func tableRecords() throws -> [TaskRecord] {
    let text = try text()
    let separator: Unicode.Scalar = text.prefix { $0 != "\n" && $0 != "\r\n" }.contains("\t") ? "\t" : ","
    let rows = try Self.rows(of: text, separator: separator, path: path)
    guard let header = rows.first?.cells else { throw EvaluationError(path, "is empty") }
    return try rows.dropFirst().map { row in
      let place = "\(path), line \(row.line)"
      guard row.cells.count == header.count else {
        throw EvaluationError(place, "has \(row.cells.count) columns, but the header has \(header.count)")
      }
      let fields = Dictionary(
        zip(header, row.cells.map(JSONValue.text)), uniquingKeysWith: { first, _ in first })
      return TaskRecord(place: place, line: row.line, fields: fields)
    }
  }

  /// The rows of RFC 4180: a quoted cell may hold separators, ends of lines, and quotes as two.
  static func rows(
    of text: String, separator: Unicode.Scalar, path: String
  ) throws(EvaluationError) -> [(line: Int, cells: [String])] {
    var rows: [(line: Int, cells: [String])] = []
    var cells: [String] = []
    var cell = String.UnicodeScalarView()
    var isQuoted = false
    var wasQuoted = false
    var (line, first) = (1, 1)
    var rest = text.replacing("\r\n", with: "\n").unicodeScalars[...]
    while let character = rest.popFirst() {
      if character == "\n" { line += 1 }
      if isQuoted {
        if character != "\"" {
          cell.append(character)
        } else if rest.first == "\"" {
          cell.append("\"")
          rest.removeFirst()
        } else {
          isQuoted = false
        }
      } else if character == "\"", cell.isEmpty, !wasQuoted {
        (isQuoted, wasQuoted) = (true, true)
      } else if character == separator || character == "\n" {
        cells.append(String(cell))
        (cell, wasQuoted) = (String.UnicodeScalarView(), false)
        guard character == "\n" else { continue }
        if cells != [""] { rows.append((first, cells)) }
        (cells, first) = ([], line)
      } else {
        cell.append(character)
      }
    }
    guard !isQuoted else { throw EvaluationError("\(path), line \(first)", "has a quote that is not closed") }
    cells.append(String(cell))
    if cells != [""] { rows.append((first, cells)) }
    return rows
  }
}
