/// Widths of text in Helvetica and the fonts made to its measure (Arial, Liberation Sans), so that a layout does not
/// depend on the fonts of the machine that makes it.
public enum TextMetrics {
  /// Advance widths of the printable ASCII characters from U+0020 on, in thousandths of the font size.
  private static let advances: [Int] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
  ]

  /// The width of a line of text, in the unit of `size`.
  ///
  /// Bold text is taken as 7 % wider; a character outside ASCII counts as a digit, or as a whole em from U+2E80 on
  /// (East Asian scripts).
  public static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
    let thousandths = text.unicodeScalars.reduce(0) { sum, scalar in
      switch scalar.value {
      case 0x20..<0x7F: return sum + advances[Int(scalar.value) - 0x20]
      case 0x300..<0x370: return sum
      case 0x2E80...: return sum + 1000
      default: return sum + 556
      }
    }
    return Double(thousandths) / 1000 * size * (isBold ? 1.07 : 1)
  }

  /// `text` broken at spaces into lines no wider than `width`; a longer word gets a line to itself.
  public static func lines(_ text: String, width: Double, size: Double) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, Self.width(last + " " + word, size: size) <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
