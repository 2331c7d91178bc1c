import Testing

@testable import Charts

@Suite struct SVGTests {
  @Test func everyShapeHasItsElement() {
    let style = SeriesStyle(color: Color(0x0072B2), dash: [2, 1], marker: .square)
    let drawing = Drawing(
      widthInMillimetres: 25.4, height: 36, fontFamily: "Helvetica, sans-serif",
      metadata: Metadata(title: "a < b & \"c\"", facts: [("n", "3")]),
      shapes: [
        .polylines(
          [[Point(x: 1, y: 2), Point(x: 1.256, y: -0.1), Point(x: 0, y: 3)], [Point(x: 5, y: 5)]],
          Stroke(color: .black, width: 0.5, dash: [2, 1])),
        .polygon([Point(x: 0, y: 0), Point(x: 1, y: 0), Point(x: 1, y: 1)], fill: .white, opacity: 0.25),
        .rectangle(Rectangle(x: 1, y: 2, width: 3, height: 4), fill: Color(0xE69F00)),
        .markers([Point(x: 10, y: 10)], style: style, radius: 1),
        .markers([], style: style, radius: 1),
        .text(TextLine("10", exponent: "−3", at: Point(x: 1, y: 9), size: 6, anchor: .end)),
        .text(TextLine("up\u{1}", at: Point(x: 4, y: 8), size: 7, isBold: true, isVertical: true)),
      ])
    #expect(
      drawing.svg == """
        <?xml version="1.0" encoding="UTF-8"?>
        <svg xmlns="http://www.w3.org/2000/svg" width="25.4mm" height="12.7mm" viewBox="0 0 72 36" role="img" font-family="Helvetica, sans-serif" fill="none">
        <title>a &lt; b &amp; &quot;c&quot;</title>
        <desc></desc>
        <metadata>
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/">
        <rdf:Description rdf:about="">
        <dc:title>a &lt; b &amp; &quot;c&quot;</dc:title>
        <dc:format>image/svg+xml</dc:format>
        <dc:description>n: 3</dc:description>
        </rdf:Description>
        </rdf:RDF>
        </metadata>
        <path d="M1 2l0.26-2.1-1.26 3.1M5 5" fill="none" stroke="#000000" stroke-width="0.5" stroke-dasharray="2 1"/>
        <path d="M0 0l1 0 0 1z" fill="#ffffff" fill-opacity="0.25"/>
        <rect x="1" y="2" width="3" height="4" fill="#e69f00"/>
        <path d="M9.1 9.1l1.8 0 0 1.8-1.8 0z" fill="#0072b2" stroke="#ffffff" stroke-width="0.3"/>
        <text x="1" y="9" font-size="6" fill="#000000" text-anchor="end">10<tspan dy="-2.4" font-size="4.5">−3</tspan></text>
        <text x="4" y="8" font-size="7" fill="#000000" font-weight="bold" transform="rotate(-90 4 8)">up\u{FFFD}</text>
        </svg>

        """)
  }

  @Test func relativeCoordinatesDoNotDrift() {
    let points = (0...1000).map { Point(x: Double($0) * 0.0333, y: 0) }
    let steps = PathText.line(points).dropFirst(5).split(separator: " ").compactMap { Double($0) }
    #expect(abs(steps.reduce(0, +) - 33.3) < 1e-9)
  }

  @Test func numbersFarOutsideStayNumbers() {
    #expect(length(1e300) == "10000000")
    #expect(length(-0.004) == "0")
    #expect(length(-0.5) == "-0.5")
    #expect(length(12.05) == "12.05")
  }

  @Test func widthsAreThoseOfTheWidestFont() {
    // DejaVu Sans: t 392.1, e 615.2, p 634.8, ρ 634.8, rounded up; Liberation Sans has the wider S, 667.
    #expect(abs(TextMetrics.width("Step", size: 10) - 23.11) < 1e-12)
    #expect(abs(TextMetrics.width("ρ", size: 10) - 6.35) < 1e-12)
    // DejaVu Sans Bold: m 1042.0.
    #expect(abs(TextMetrics.width("m", size: 10, isBold: true) - 10.42) < 1e-12)
    #expect(TextMetrics.width("", size: 10) == 0 && TextMetrics.width("\u{301}", size: 10) == 0)
    // What no font of the list has.
    #expect(TextMetrics.width("漢字", size: 10) == 20)
  }

  @Test func linesBreakAtSpacesAndLongWordsAtTheirJoints() {
    #expect(TextMetrics.lines("aa bb cc", width: 30, size: 10) == ["aa bb", "cc"])
    #expect(
      TextMetrics.lines("self_attn_layer_norm.weight", width: 80, size: 6)
        == ["self_attn_layer_norm.", "weight"])
    #expect(TextMetrics.lines("of mmmmmm", width: 25, size: 10) == ["of", "mm", "mm", "mm"])
    #expect(TextMetrics.lines("mm", width: 1, size: 10) == ["m", "m"])
    #expect(TextMetrics.lines("", width: 30, size: 10) == [])
  }
}
