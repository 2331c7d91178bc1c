/// Comma-separated values, RFC 4180.
public enum CSVText {
  /// A field, in quotes where it has to be.
  public static func field(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  /// A line of fields, with its end.
  public static func line(_ fields: [String]) -> String {
    fields.map(field).joined(separator: ",") + "\n"
  }

  /// The fields of every line of a text, quotes taken away; empty lines are left out.
  public static func rows(_ text: String) -> [[String]] {
    var rows: [[String]] = []
    var (row, field) = ([String](), "")
    var (isQuoted, wasQuoted) = (false, false)
    func endsRow() -> Bool { !(row.isEmpty && field.isEmpty && !wasQuoted) }
    for character in text {
      if isQuoted, character != "\"" {
        field.append(character)
      } else if character == "\"" {
        // A quote within quotes is written twice.
        if !isQuoted, wasQuoted { field.append(character) }
        isQuoted.toggle()
        wasQuoted = true
      } else if character == "," {
        row.append(field)
        (field, wasQuoted) = ("", false)
      } else if character.isNewline {
        if endsRow() { rows.append(row + [field]) }
        (row, field, wasQuoted) = ([], "", false)
      } else {
        field.append(character)
      }
    }
    if endsRow() { rows.append(row + [field]) }
    return rows
  }
}
