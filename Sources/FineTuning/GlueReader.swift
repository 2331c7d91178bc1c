import Evaluation
import FileAccess

/// Reads a split of a task as GLUE distributes it: a line an example, columns between tabs under a header, no quoting.
public struct GlueReader {
  private let task: GlueTask
  private let path: String

  /// A file of a task.
  public init(_ task: GlueTask, path: String) { (self.task, self.path) = (task, path) }

  private static let longest = 1 << 31
  /// QQP has lines that were broken; of more than one in a hundred the file is another one.
  private static let skippedShare = 100

  /// The examples. White space around a sentence is left out.
  ///
  /// - Throws: `FileAccessError`, or ``EvaluationError`` where the file is of another task or damaged.
  public func read() throws -> ExampleSet<String> {
    var lines = try lines()[...]
    let columns = try columns(of: &lines)
    let needed = (columns.sentences + [columns.label].compactMap(\.self)).max() ?? 0
    var examples: [Example<String>] = []
    var short: [Line] = []
    for line in lines {
      guard line.cells.count > needed else {
        short.append(line)
        continue
      }
      let sentences = columns.sentences.map { line.cells[$0].trimmed }
      var right: Answer?
      if let label = columns.label { right = try answer(line.cells[label].trimmed, line) }
      examples.append(Example(line: line.number, sentences: sentences, answer: right))
    }
    if let first = short.first, short.count * Self.skippedShare > examples.count {
      throw error(
        first,
        "has \(first.cells.count) columns, too few for \(task.title), whose lines have \(needed + 1) or more",
        advice: "Quotes do not hold cells together in GLUE's files; tabs alone part them")
    }
    guard !examples.isEmpty else { throw EvaluationError(path, "has no examples") }
    return ExampleSet(task: task, path: path, examples: examples, skippedLines: short.count)
  }

  // MARK: - Columns

  private struct Columns {
    var sentences: [Int]
    /// nil of splits without labels.
    var label: Int?
  }

  /// Where sentences and labels are; a header is taken off the lines.
  private func columns(of lines: inout ArraySlice<Line>) throws(EvaluationError) -> Columns {
    guard let first = lines.first else { throw EvaluationError(path, "is empty") }
    let header = first.cells.map(\.trimmed)
    let other = Self.task(ofHeader: header).flatMap { $0 == task ? nil : $0 }
    if other == nil, let columns = columns(in: header) {
      lines.removeFirst()
      return columns
    }
    if let other {
      throw error(
        first, "has the columns of \(other.title), not of \(task.title)",
        advice: "That task is \(other.argument)")
    }
    let names = task.columnsWithoutHeader
    if let names, first.cells.count == names.count, let columns = columns(in: names) { return columns }
    if let names {
      throw error(
        first,
        "has \(first.cells.count) columns; \(task.title) has \(names.count): \(names.joined(separator: ", "))"
      )
    }
    let missing = task.sentenceColumns.first { !header.contains($0) } ?? task.labelColumn
    throw error(
      first,
      "has no column \(missing), which \(task.title) has; there are \(header.joined(separator: ", ").prefix(200))"
    )
  }

  private func columns(in header: [String]) -> Columns? {
    let sentences = task.sentenceColumns.compactMap { header.firstIndex(of: $0) }
    guard sentences.count == task.sentenceColumns.count else { return nil }
    return Columns(sentences: sentences, label: header.firstIndex(of: task.labelColumn))
  }

  /// The task that a header with labels is of: of several, that which finds most of its columns there.
  private static func task(ofHeader header: [String]) -> GlueTask? {
    GlueTask.allCases.filter { task in
      task.columnsWithoutHeader == nil
        && (task.sentenceColumns + [task.labelColumn]).allSatisfy(header.contains)
    }.max { $0.sentenceColumns.count < $1.sentenceColumns.count }
  }

  // MARK: - Labels

  private func answer(_ word: String, _ line: Line) throws(EvaluationError) -> Answer? {
    // What annotators did not agree on.
    if word.isEmpty || word == "-" { return nil }
    guard let classes = task.classes else {
      guard let score = Double(word), (0...GlueTask.greatestScore).contains(score) else {
        throw error(line, "has the score \(word.prefix(40)); \(task.title)'s lie between 0 and 5")
      }
      return .score(score)
    }
    guard let number = classes.firstIndex(of: word) else {
      throw error(
        line, "has the label \(word.prefix(40)); \(task.title) has \(classes.joined(separator: ", "))")
    }
    return .classNumber(number)
  }

  // MARK: - Lines

  private struct Line {
    let number: Int
    let cells: [String]
  }

  private func error(_ line: Line, _ problem: String, advice: String? = nil) -> EvaluationError {
    EvaluationError("\(path), line \(line.number)", problem, advice: advice)
  }

  /// The lines that have something on them; ends may be those of either system.
  private func lines() throws -> [Line] {
    let file = try RandomAccessFile(path: path)
    guard file.byteCount <= Self.longest else {
      throw EvaluationError(path, "has \(file.byteCount) bytes, too many for a task's file")
    }
    var bytes = try file.bytes(at: 0, count: file.byteCount)[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    var lines: [Line] = []
    for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      let line = line.last == 0x0D ? line.dropLast() : line
      guard !line.isEmpty else { continue }
      let cells = try line.split(separator: 0x09, omittingEmptySubsequences: false).map { cell in
        guard let text = String(validating: cell, as: UTF8.self) else {
          throw EvaluationError("\(path), line \(index + 1)", "is not UTF-8 text")
        }
        return text
      }
      lines.append(Line(number: index + 1, cells: cells))
    }
    return lines
  }
}

extension String {
  /// Without white space at both ends.
  fileprivate var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }),
      let last = lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(self[first...last])
  }
}
