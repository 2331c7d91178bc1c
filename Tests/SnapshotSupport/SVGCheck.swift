import Foundation
import FoundationXML

/// Reads an SVG with an XML parser and looks for what a publisher or a LaTeX converter would stumble over.
public final class SVGCheck: NSObject, XMLParserDelegate {
  /// How often each element occurs.
  public private(set) var elements: [String: Int] = [:]
  /// What is wrong.
  public private(set) var problems: [String] = []
  /// The content of its text elements.
  public private(set) var words: [String] = []
  /// Its texts in their places.
  public private(set) var texts: [PlacedText] = []
  private var text = ""

  /// The findings for one document.
  public init(_ svg: String) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    if !parser.parse() { problems.append("not well formed: \(String(describing: parser.parserError))") }
    problems += PlacedText.problems(of: texts, width: size.width, height: size.height)
  }

  private var size = (width: Double.infinity, height: Double.infinity)

  /// Called by the parser.
  public func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    elements[name, default: 0] += 1
    switch name {
    case "svg":
      let box = attributes["viewBox"]?.split(separator: " ").compactMap { Double($0) } ?? []
      if box.count == 4 { size = (box[2], box[3]) }
    case "text": texts.append(PlacedText(attributes))
    case "tspan": texts.indices.last.map { texts[$0].add(text, exponentSize: attributes["font-size"]) }
    default: break
    }
    text = ""
    for banned in ["style", "class", "id"] where attributes[banned] != nil {
      problems.append("<\(name)> has the attribute \(banned)")
    }
    if ["style", "foreignObject", "image", "script", "use"].contains(name) {
      problems.append("there is a <\(name)>")
    }
    if ["path", "rect"].contains(name), attributes["fill"] == nil {
      problems.append("a <\(name)> without fill")
    }
    if let data = attributes["d"], data.contains("n") || data.contains("i") {
      problems.append("a path with a number that is not finite")
    }
  }

  /// Called by the parser.
  public func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  /// Called by the parser.
  public func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    guard name == "text" || name == "tspan", let last = texts.indices.last else { return }
    texts[last].add(text)
    text = ""
    if name == "text" { words.append(texts[last].words) }
  }
}
