import Foundation
import Glibc

/// Standard output for results, standard error for everything else.
struct Console {
  /// Whether progress is wanted.
  let isQuiet: Bool

  /// Whether standard error is a terminal on which lines can be drawn again.
  var isTerminal: Bool { isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb" }

  /// A result.
  func print(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO) }

  /// A line of progress; nothing when quiet.
  func progress(_ text: String) { if !isQuiet { write(text + "\n", to: STDERR_FILENO) } }

  /// Text for the terminal as it is, without a line's end.
  func draw(_ text: String) { write(text, to: STDERR_FILENO) }

  /// A warning: shown even when quiet.
  func warn(_ text: String) { write("nf-probe: warning: \(text)\n", to: STDERR_FILENO) }

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
