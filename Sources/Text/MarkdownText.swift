/// `text` on one line, with the characters escaped that Markdown gives a meaning to.
package func markdownEscaped(_ text: String) -> String {
  var result = ""
  for (index, character) in zip(text.indices, text) {
    let next = text[text.index(after: index)...].first
    // An ampersand alone is one; before a letter it may begin the name of a character.
    let namesCharacter = character == "&" && (next?.isLetter == true || next == "#")
    if namesCharacter || "\\|*_`<[".contains(character) { result.append("\\") }
    result.append(character.isNewline ? " " : character)
  }
  return result
}
