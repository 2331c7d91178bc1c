import Charts
import Text

extension Document {
  /// The document as GitHub-flavoured Markdown; figures and files are named from its own folder.
  public func markdown() -> String {
    let numbers = PartNumbers(self)
    var parts = ["# \(markdownEscaped(title))"] + lead.map(markdownEscaped)
    parts.append("## \(Self.findingsTitle)")
    parts.append(
      findings.map {
        "- **\($0.level.title)** – **\(markdownEscaped($0.subject)):** \(markdownEscaped($0.text))"
      }.joined(separator: "\n"))
    for section in sections {
      parts.append("## \(markdownEscaped(section.title))")
      parts += section.blocks.map { Self.markdown($0, numbers) }
    }
    parts.append("Made by \(markdownEscaped(program)).")
    return parts.joined(separator: "\n\n") + "\n"
  }

  private static func markdown(_ block: Block, _ numbers: PartNumbers) -> String {
    switch block {
    case .text(let words): return markdownEscaped(words)
    case .heading(let words): return "### \(markdownEscaped(words))"
    case .absence(let reason): return "*Not shown: \(markdownEscaped(reason))*"
    case .command(let line): return fenced(line)
    case .terms(let terms):
      return terms.map { "- **\(markdownEscaped($0.name))**: \(markdownEscaped($0.meaning))" }
        .joined(separator: "\n")
    case .table(let part):
      let label = numbers.label(of: part)
      var text = part.table.rendered(as: .markdown)
      while text.last == "\n" { text.removeLast() }
      guard part.isFolded else { return "\(label) \(text)" }
      let summary = "\(label) \(part.table.title) (\(part.table.rows.count) rows)"
      return "<details>\n<summary>\(xmlEscaped(summary))</summary>\n\n\(text)\n\n</details>"
    case .figure(let part):
      let label = numbers.label(of: part)
      let points = part.figure == nil ? "" : " [points](\(part.pointsPath))"
      return "![\(markdownEscaped(part.metadata.title))](\(part.svgPath))\n\n"
        + "**\(label)** \(markdownEscaped(part.caption))\(points)"
    }
  }

  /// A fence that is longer than any run of backticks within.
  private static func fenced(_ text: String) -> String {
    var (run, longest) = (0, 2)
    for character in text {
      run = character == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    return "\(fence)\n\(text)\n\(fence)"
  }
}
