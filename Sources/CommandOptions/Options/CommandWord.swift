import ArgumentParser
import Foundation
import Text

/// The word that names a command.
package enum CommandWord {
  /// Refuses a word that names no command, with the command that it is nearest to.
  ///
  /// - Parameters:
  ///   - arguments: the words after the program's name.
  ///   - names: the commands.
  package static func check(_ arguments: [String], among names: [String]) throws {
    let asksForHelp = arguments.first == "help"
    guard let word = asksForHelp ? arguments.dropFirst().first : arguments.first, !word.hasPrefix("-"),
      word != "help", !names.contains(word)
    else { return }
    if !asksForHelp, FileManager.default.fileExists(atPath: word) {
      throw CommandError.usage(
        "the first word names a command, and \(printable(word)) is a file or folder; "
          + "nf-probe --help lists the commands")
    }
    throw CommandError.usage(
      "there is no command \(printable(word))\(nearest(to: word, among: names)); nf-probe --help lists the commands"
    )
  }

  /// The nearest spelling; where none is near, a command that begins in the same way.
  private static func nearest(to word: String, among names: [String]) -> String {
    let word = word.lowercased()
    let spelled = suggestion(for: word, among: names)
    guard spelled.isEmpty else { return spelled }
    let begun = names.first { word.commonPrefix(with: $0).count >= min(4, $0.count, max(2, word.count)) }
    return begun.map { " (did you mean \($0)?)" } ?? ""
  }
}
