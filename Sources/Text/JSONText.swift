/// Values in JSON.
public enum JSONText {
  /// The shortest digits that read back as the same number; one that is not finite as `"nan"`, `"inf"` or `"-inf"`.
  public static func number(_ number: Double) -> String {
    number.isFinite ? NumberText.shortest(number) : "\"\(NumberText.shortest(number))\""
  }

  /// A string in quotes.
  public static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
