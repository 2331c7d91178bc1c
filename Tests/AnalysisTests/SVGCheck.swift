import Foundation
import FoundationXML
import Testing

/// Reads an SVG with an XML parser and looks for what a publisher or a LaTeX converter would stumble over.
final class SVGCheck: NSObject, XMLParserDelegate {
  private(set) var elements: [String: Int] = [:]
  private(set) var problems: [String] = []
  private(set) var words: [String] = []
  private var text = ""

  /// The findings for one document.
  init(_ svg: String) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    if !parser.parse() { problems.append("not well formed: \(String(describing: parser.parserError))") }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    elements[name, default: 0] += 1
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

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    if name == "text" { words.append(text) }
  }
}
