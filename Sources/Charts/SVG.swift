import Text

extension Drawing {
  /// The drawing as a stand-alone SVG 1.1 document.
  ///
  /// Presentation attributes only, no style sheets, no identifiers, real text; lengths with at most two decimals. The same
  /// drawing gives the same bytes.
  public var svg: String {
    var writer = SVGWriter(declaration: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    writer.open("svg", [("xmlns", "http://www.w3.org/2000/svg")] + rootAttributes)
    writeContent(to: &writer) { write(metadata, to: &$0) }
    return writer.text
  }

  /// The drawing as an element of an HTML page: without XML declaration, namespaces and the metadata, which the page has no
  /// grammar for. Title and description stay, for those who cannot see it.
  public var inlineSVG: String {
    var writer = SVGWriter()
    writer.open("svg", rootAttributes)
    writeContent(to: &writer) { _ in }
    return writer.text
  }

  private var rootAttributes: [(String, String)] {
    [
      ("width", millimetres(width)), ("height", millimetres(height)),
      ("viewBox", "0 0 \(length(width)) \(length(height))"), ("role", "img"), ("font-family", fontFamily),
      ("fill", "none"),
    ]
  }

  private func writeContent(to writer: inout SVGWriter, origin: (inout SVGWriter) -> Void) {
    writer.element("title", text: metadata.title)
    writer.element("desc", text: metadata.description)
    origin(&writer)
    for shape in shapes { write(shape, to: &writer) }
    writer.close("svg")
  }

  private func millimetres(_ points: Double) -> String {
    NumberText.fixed(points / pointsPerMillimetre, decimals: 2, trimmed: true) + "mm"
  }

  private func write(_ metadata: Metadata, to writer: inout SVGWriter) {
    writer.open("metadata", [])
    writer.open(
      "rdf:RDF",
      [
        ("xmlns:rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
        ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
      ])
    writer.open("rdf:Description", [("rdf:about", "")])
    writer.element("dc:title", text: metadata.title)
    writer.element("dc:format", text: "image/svg+xml")
    if !metadata.program.isEmpty { writer.element("dc:creator", text: metadata.program) }
    if !metadata.command.isEmpty { writer.element("dc:source", text: metadata.command) }
    for run in metadata.runIDs { writer.element("dc:relation", text: "run \(run)") }
    for fact in metadata.facts { writer.element("dc:description", text: "\(fact.name): \(fact.value)") }
    writer.close("rdf:Description")
    writer.close("rdf:RDF")
    writer.close("metadata")
  }

  private func write(_ shape: Shape, to writer: inout SVGWriter) {
    switch shape {
    case .polylines(let lines, let stroke):
      let data = lines.map { PathText.line($0) }.joined()
      writer.element("path", [("d", data), ("fill", "none")] + attributes(stroke))
    case .polygon(let points, let fill, let opacity):
      let opacity = NumberText.fixed(opacity, decimals: 2, trimmed: true)
      writer.element(
        "path",
        [("d", PathText.line(points) + "z"), ("fill", fill.hexadecimal), ("fill-opacity", opacity)])
    case .rectangle(let area, let fill):
      writer.element(
        "rect",
        [
          ("x", length(area.x)), ("y", length(area.y)), ("width", length(area.width)),
          ("height", length(area.height)), ("fill", fill.hexadecimal),
        ])
    case .cells(let areas, let fill):
      let data = areas.map(PathText.rectangle).joined()
      writer.element("path", [("d", data), ("fill", fill.hexadecimal)])
    case .markers(let points, let style, let radius):
      guard !points.isEmpty else { return }
      let data = points.map { PathText.marker(style.marker, at: $0, radius: radius) }.joined()
      writer.element("path", [("d", data)] + attributes(style))
    case .text(let line):
      write(line, to: &writer)
    }
  }

  private func attributes(_ stroke: Stroke) -> [(String, String)] {
    var result = [("stroke", stroke.color.hexadecimal), ("stroke-width", length(stroke.width))]
    if stroke.dash.isEmpty {
      result.append(("stroke-linejoin", "round"))
    } else {
      result.append(("stroke-dasharray", stroke.dash.map(length).joined(separator: " ")))
    }
    return result
  }

  private func attributes(_ style: SeriesStyle) -> [(String, String)] {
    if style.marker == .cross {
      return [("fill", "none"), ("stroke", style.color.hexadecimal), ("stroke-width", "0.6")]
    }
    if style.isBare { return [("fill", style.color.hexadecimal)] }
    return style.isHollow
      ? [("fill", "#ffffff"), ("stroke", style.color.hexadecimal), ("stroke-width", "0.7")]
      : [("fill", style.color.hexadecimal), ("stroke", "#ffffff"), ("stroke-width", "0.3")]
  }

  private func write(_ line: TextLine, to writer: inout SVGWriter) {
    let (x, y) = (length(line.position.x), length(line.position.y))
    var attributes = [("x", x), ("y", y), ("font-size", length(line.size)), ("fill", "#000000")]
    if line.anchor != .start { attributes.append(("text-anchor", line.anchor.rawValue)) }
    if line.isBold { attributes.append(("font-weight", "bold")) }
    if line.isVertical { attributes.append(("transform", "rotate(-90 \(x) \(y))")) }
    guard let exponent = line.exponent else {
      writer.element("text", attributes, text: line.text)
      return
    }
    let raised = [
      ("dy", length(-0.4 * line.size)), ("font-size", length(exponentShare * line.size)),
    ]
    writer.element("text", attributes, text: line.text, followedBy: ("tspan", raised, exponent))
  }
}

/// A length in points with at most two decimals.
func length(_ points: Double) -> String { PathText.hundredths(PathText.rounded(points)) }

/// XML text, element by element.
private struct SVGWriter {
  private(set) var text: String

  init(declaration: String = "") { text = declaration }

  mutating func open(_ name: String, _ attributes: [(String, String)]) {
    text += "<\(name)\(Self.list(attributes))>\n"
  }

  mutating func close(_ name: String) { text += "</\(name)>\n" }

  mutating func element(_ name: String, _ attributes: [(String, String)]) {
    text += "<\(name)\(Self.list(attributes))/>\n"
  }

  mutating func element(
    _ name: String, _ attributes: [(String, String)] = [], text content: String,
    followedBy child: (name: String, attributes: [(String, String)], text: String)? = nil
  ) {
    text += "<\(name)\(Self.list(attributes))>\(xmlEscaped(content))"
    if let child {
      text += "<\(child.name)\(Self.list(child.attributes))>\(xmlEscaped(child.text))</\(child.name)>"
    }
    text += "</\(name)>\n"
  }

  private static func list(_ attributes: [(String, String)]) -> String {
    attributes.map { " \($0.0)=\"\(xmlEscaped($0.1))\"" }.joined()
  }
}
