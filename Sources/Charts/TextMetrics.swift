/// How much room text takes in the widest font that a figure may be shown in, so that a layout holds in each of them and does not
/// depend on the fonts of the machine that makes it.
public enum TextMetrics {
  /// What a line of text reaches above its base line, as a share of the font size: DejaVu Sans's ascent.
  public static let ascent = 0.93
  /// What it reaches below: DejaVu Sans's descent.
  public static let descent = 0.24

  /// Advance widths by character, those of the regular face and of the bold one.
  private static let advances = [FontWidths.regular, FontWidths.bold].map { widths in
    Dictionary(uniqueKeysWithValues: zip(FontWidths.blocks.joined(), widths))
  }

  /// The width of a line of text, in the unit of `size`.
  ///
  /// A character that no font of the list has counts as a whole em, a combining one as nothing.
  public static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
    let advances = advances[isBold ? 1 : 0]
    let thousandths = text.unicodeScalars.reduce(0) { sum, scalar in
      let isCombining = (0x300..<0x370).contains(scalar.value)
      return sum + (isCombining ? 0 : Int(advances[scalar.value] ?? FontWidths.unknown))
    }
    return Double(thousandths) / 1000 * size
  }

  /// `text` broken at spaces into lines no wider than `width`. A word that is wider is broken behind a dot, slash, hyphen or
  /// underscore, or where the room ends.
  public static func lines(_ text: String, width: Double, size: Double, isBold: Bool = false) -> [String] {
    func fits(_ line: String) -> Bool { Self.width(line, size: size, isBold: isBold) <= width }
    var lines: [String] = []
    for word in text.split(separator: " ").map(String.init) {
      if let last = lines.last, fits(last + " " + word) {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines += fits(word) ? [word] : pieces(of: word, fits: fits)
      }
    }
    return lines
  }

  /// A long word in pieces that fit, each at least a character.
  private static func pieces(of word: String, fits: (String) -> Bool) -> [String] {
    var pieces: [String] = []
    var rest = word[...]
    while !rest.isEmpty {
      var end = rest.index(after: rest.startIndex)
      while end < rest.endIndex, fits(String(rest[...end])) { end = rest.index(after: end) }
      if end < rest.endIndex, let joint = rest[..<end].dropLast().lastIndex(where: { "./-_".contains($0) }) {
        end = rest.index(after: joint)
      }
      pieces.append(String(rest[..<end]))
      rest = rest[end...]
    }
    return pieces
  }
}
