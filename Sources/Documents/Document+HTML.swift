import Charts
import Text

extension Document {
  /// The document as one HTML page that needs nothing else: no script, no font and no image from elsewhere. The files beside it are
  /// linked, and not needed to read it.
  public func html() -> String {
    var page = HTMLPage(numbers: PartNumbers(self))
    page.add(
      """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="\(xmlEscaped(program))">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(xmlEscaped(title))</title>
      <style>
      \(DocumentStyle.css)
      </style>
      </head>
      <body>
      <a class="skip" href="#content">Skip to the content</a>
      """)
    page.add("<header>", "<h1>\(xmlEscaped(title))</h1>")
    page.add(lead.map { "<p>\(xmlEscaped($0))</p>" })
    page.add("</header>")
    page.addContents(sections)
    page.add("<main id=\"content\">")
    page.add(findings)
    for section in sections { page.add(section) }
    page.add("</main>", "<footer><p>Made by \(xmlEscaped(program)).</p></footer>", "</body>", "</html>")
    return page.text
  }
}

/// The lines of a page.
private struct HTMLPage {
  let numbers: PartNumbers
  private(set) var text = ""

  init(numbers: PartNumbers) { self.numbers = numbers }

  mutating func add(_ lines: String...) { add(lines) }

  mutating func add(_ lines: [String]) { for line in lines { text += line + "\n" } }

  mutating func addContents(_ sections: [Document.Section]) {
    add("<nav aria-label=\"Contents\">", "<p>Contents</p>", "<ul>")
    add("<li><a href=\"#\(Document.findingsID)\">\(Document.findingsTitle)</a></li>")
    add(sections.map { "<li><a href=\"#\($0.id)\">\(xmlEscaped($0.title))</a></li>" })
    add("</ul>", "</nav>")
  }

  mutating func add(_ findings: [Document.Finding]) {
    let id = Document.findingsID
    add("<section class=\"findings\" aria-labelledby=\"\(id)\">")
    add("<h2 id=\"\(id)\">\(Document.findingsTitle)</h2>", "<ul>")
    for finding in findings {
      add(
        "<li class=\"\(finding.level.rawValue)\"><b class=\"level\">\(finding.level.title)</b> "
          + "<b>\(xmlEscaped(finding.subject)):</b> \(xmlEscaped(finding.text))</li>")
    }
    add("</ul>", "</section>")
  }

  mutating func add(_ section: Document.Section) {
    add("<section aria-labelledby=\"\(section.id)\">")
    add("<h2 id=\"\(section.id)\">\(xmlEscaped(section.title))</h2>")
    for block in section.blocks { add(block) }
    add("</section>")
  }

  private mutating func add(_ block: Document.Block) {
    switch block {
    case .text(let words): add("<p>\(xmlEscaped(words))</p>")
    case .heading(let words): add("<h3>\(xmlEscaped(words))</h3>")
    case .absence(let reason): add("<p class=\"absent\">Not shown: \(xmlEscaped(reason))</p>")
    case .command(let line): add("<pre><code>\(xmlEscaped(line))</code></pre>")
    case .terms(let terms):
      add("<dl>")
      add(terms.map { "<dt>\(xmlEscaped($0.name))</dt><dd>\(xmlEscaped($0.meaning))</dd>" })
      add("</dl>")
    case .table(let part): add(part)
    case .figure(let part): add(part)
    }
  }

  private mutating func add(_ part: Document.TablePart) {
    let label = numbers.label(of: part)
    if part.isFolded {
      add(
        "<details>",
        "<summary>\(label) \(xmlEscaped(part.table.title)) (\(part.table.rows.count) rows)</summary>")
    }
    text += part.table.htmlText(label: label)
    add(
      links(
        [("CSV", part.path("csv")), ("Markdown", part.path("md")), ("LaTeX", part.path("tex"))], of: label))
    if part.isFolded { add("</details>") }
  }

  private mutating func add(_ part: Document.FigurePart) {
    let label = numbers.label(of: part)
    let style = part.isColumn ? "column" : "page"
    add("<figure class=\"\(style)\">")
    add("<div class=\"card\" role=\"region\" tabindex=\"0\" aria-label=\"\(label)\">")
    let (drawing, points) = part.drawn
    text += drawing.inlineSVG
    add("</div>")
    add("<figcaption><b>\(label)</b> \(xmlEscaped(part.caption))")
    let files = [("SVG", part.svgPath)] + (points == nil ? [] : [("points as CSV", part.pointsPath)])
    add(links(files, of: label), "</figcaption>")
    add("</figure>")
  }

  private func links(_ files: [(name: String, path: String)], of label: String) -> String {
    let links = files.map { file in
      "<a href=\"\(xmlEscaped(file.path))\" aria-label=\"\(label) \(file.name)\">\(file.name)</a>"
    }
    return "<p class=\"files\">\(links.joined(separator: " "))</p>"
  }
}
