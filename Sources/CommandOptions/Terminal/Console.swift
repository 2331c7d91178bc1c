import Analysis
import Documents
import Foundation
import Glibc
import Text

/// Standard output for results, standard error for everything else.
package struct Console {
  /// Whether progress is wanted.
  package let isQuiet: Bool

  package init(isQuiet: Bool) {
    self.isQuiet = isQuiet
  }

  /// Whether standard error is a terminal on which lines can be drawn again.
  package var isTerminal: Bool {
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// A result.
  package func print(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO) }

  /// Tables as a result, a blank line between them; on a terminal no wider than it is.
  package func print(_ tables: [Table], as format: TableFormat) {
    print(tables.map { $0.rendered(as: format, width: width) }.joined(separator: "\n"))
  }

  /// A sentence or several as a result; on a terminal broken at spaces, with what follows the first line indented.
  package func print(paragraph text: String, indent: Int = 0) {
    guard let width else { return print(text) }
    let space = String(repeating: " ", count: indent)
    let lines = folded(text, width: max(20, width - indent))
    print(lines.joined(separator: "\n" + space))
  }

  /// Columns of the terminal that results go to; nil for files and pipes.
  package var width: Int? { Self.width(of: STDOUT_FILENO) }

  /// Columns of the terminal that progress goes to.
  package var progressWidth: Int? { Self.width(of: STDERR_FILENO) }

  /// What `COLUMNS` says, else what the terminal says; nil where there is none or it does not know.
  private static func width(of descriptor: Int32) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    if let columns = ProcessInfo.processInfo.environment["COLUMNS"].flatMap(Int.init), columns > 0 {
      return columns
    }
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// A line of progress; nothing when quiet.
  package func progress(_ text: String) { if !isQuiet { write(text + "\n", to: STDERR_FILENO) } }

  /// Text for the terminal as it is, without a line's end.
  package func draw(_ text: String) { write(text, to: STDERR_FILENO) }

  /// A warning: shown even when quiet; on a terminal broken at spaces.
  package func warn(_ text: String) {
    let sentence = "nf-probe: warning: \(text)"
    let lines = progressWidth.map { folded(sentence, width: max(20, $0)) } ?? [sentence]
    write(lines.joined(separator: "\n") + "\n", to: STDERR_FILENO)
  }

  private func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      // A reader that has gone away (`| head`) wants no more.
      guard written > 0 else { return }
      bytes = bytes.dropFirst(written)
    }
  }
}
