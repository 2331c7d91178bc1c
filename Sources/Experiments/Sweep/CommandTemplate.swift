import Text

/// A command line with places for what differs between runs: `python train.py --arch {model} --seed {seed} --out {run}`.
///
/// `{run}` is the run file that the command has to write, `{seed}` its seed; every other name is an axis, which stands for its value, or a
/// setting of the sweep. `{{` and `}}` are braces.
package struct CommandTemplate: Equatable, Sendable {
  private enum Piece: Equatable, Sendable {
    case text(String)
    case place(String)
  }

  /// As it is written.
  package let text: String
  private let pieces: [Piece]

  /// Where the run file's path goes.
  static let run = "run"
  /// Where the seed goes.
  static let seed = "seed"

  /// Reads a command; nil where a brace has no partner or a place no name.
  package init?(_ text: String) {
    self.text = text
    var pieces: [Piece] = []
    var plain = ""
    var rest = Substring(text)
    while let first = rest.first {
      if rest.hasPrefix("{{") || rest.hasPrefix("}}") {
        plain.append(first)
        rest = rest.dropFirst(2)
      } else if first == "{" {
        guard let end = rest.firstIndex(of: "}") else { return nil }
        let name = rest[rest.index(after: rest.startIndex)..<end]
        guard !name.isEmpty, !name.contains("{") else { return nil }
        pieces += [.text(plain), .place(String(name))]
        plain = ""
        rest = rest[rest.index(after: end)...]
      } else if first == "}" {
        return nil
      } else {
        plain.append(first)
        rest = rest.dropFirst()
      }
    }
    self.pieces = (pieces + [.text(plain)]).filter { $0 != .text("") }
  }

  /// The names of its places, each once.
  var places: [String] {
    var seen: Set<String> = []
    return pieces.compactMap { piece in
      guard case .place(let name) = piece, seen.insert(name).inserted else { return nil }
      return name
    }
  }

  /// The command as a shell runs it, every value one word of it.
  func filled(_ values: [String: String]) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .place(let name): shellWord(values[name] ?? "")
      }
    }.joined()
  }
}
