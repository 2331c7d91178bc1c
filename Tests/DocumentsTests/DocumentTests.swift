import Charts
import Foundation
import SnapshotSupport
import Statistics
import Testing

@testable import Documents

@Suite struct DocumentTests {
  /// A document with one of everything, and with every character that some form gives a meaning to.
  private var document: Document {
    var table = Table(
      title: "Gains <α> & \"λ_ffn\"",
      columns: [
        Table.Column("name", title: "na<me", kind: .text),
        Table.Column("count", title: "n", kind: .integer),
        Table.Column("ratio", title: "ratio", kind: .estimate(.significant(3))),
        Table.Column("raw", title: "raw", kind: .number(.decimals(2)), audience: .data),
      ], notes: ["50 % of a|b <script>alert(1)</script>"])
    let interval = Interval(lower: -0.2, upper: 0.3)
    table.append([
      .text("</td>&amp;"), .integer(12), .estimate(Estimate(value: 0.25, interval: interval)),
      .number(1.0 / 3),
    ])
    table.append([
      .text(String(repeating: "0123456789abcdef", count: 4)), .missing,
      .estimate(Estimate(value: .nan, interval: nil)), .number(-.infinity),
    ])
    let panel = Panel(
      title: "a < b", xTitle: "step", yTitle: "loss",
      marks: [LineMark("a & b", x: [0, 1, 2], y: [3, 2, 1], style: SeriesStyle(color: .black))])
    let figure = Figure(
      width: .column, rows: [[panel]],
      metadata: Metadata(title: "Loss of a < b", description: "One line.", program: "p", command: "c"))
    return Document(
      title: "A & B <title>", lead: ["Two runs_of *a* <b>."],
      findings: [
        Document.Finding(.problem, "Pre-LN, seed 1", "killed at step 3 & 4."),
        Document.Finding(.note, "Seeds", "only `one`."),
      ],
      sections: [
        Document.Section(
          "first", "First & last",
          [
            .text("Text with $math$ and 50 %."), .heading("Within"),
            .figure(Document.FigurePart("loss", figure, caption: "A caption <here>.")),
            .table(Document.TablePart("gains", table)),
            .table(Document.TablePart("gains-again", table, isFolded: true)),
          ]),
        Document.Section(
          "second", "Second",
          [
            .absence("there is <nothing>."), .terms([Document.Term("m_l", "a mean ≈ 1")]),
            .command("nf-probe report 'a b.h5' --title '`x`'"),
          ]),
      ], program: "nf-probe 0 (test)")
  }

  @Test func html() throws { try expectSnapshot(document.html(), named: "document.html") }

  @Test func markdown() throws { try expectSnapshot(document.markdown(), named: "document.md") }

  @Test func latex() throws { try expectSnapshot(document.latex(), named: "document.tex") }

  @Test func wordsStayWords() {
    let html = document.html()
    #expect(!html.contains("<script"))
    #expect(!html.contains("<nothing>"))
    #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    #expect(html.contains("&lt;/td&gt;&amp;amp;"))
  }

  @Test func pageNeedsNothingElse() {
    let html = document.html()
    // No address of elsewhere anywhere in the page: not as a source, not in a style, not as a namespace.
    #expect(!html.contains("http:") && !html.contains("https:"))
    #expect(!html.contains("@import") && !html.contains("url("))
    #expect(!html.contains("<?xml"))
  }

  @Test func inlineFigureKeepsWordsForThoseWhoCannotSeeIt() {
    let inline = document.figures[0].drawn.drawing.inlineSVG
    #expect(inline.hasPrefix("<svg "))
    #expect(inline.contains("<title>Loss of a &lt; b</title>"))
    #expect(inline.contains("<desc>One line.</desc>"))
    #expect(!inline.contains("metadata"))
    // The rest is the file's, byte for byte.
    let file = document.figures[0].drawn.drawing.svg
    let start = "<rect "
    #expect(
      inline.range(of: start).map { inline[$0.lowerBound...] }
        == file.range(of: start).map { file[$0.lowerBound...] })
  }

  @Test func tableHeadsItsRowsAndColumns() {
    let html = document.tables[0].table.htmlText(label: "Table 7.")
    #expect(html.contains("<th scope=\"col\">na&lt;me</th><th scope=\"col\" class=\"number\">n</th>"))
    #expect(html.contains("<th scope=\"row\">&lt;/td&gt;&amp;amp;</th><td class=\"number\">12</td>"))
    #expect(html.contains("0.250 <span class=\"interval\">[−0.200, 0.300]</span>"))
    #expect(html.contains("<td class=\"number\">undefined</td>"))
    #expect(html.contains("<b>Table 7.</b> Gains &lt;α&gt; &amp; &quot;λ_ffn&quot;"))
    #expect(html.contains("0123456789abcdef<wbr>0123456789abcdef"))
    // What only programs read is not shown.
    #expect(!html.contains("raw") && !html.contains("0.33"))
  }
}
