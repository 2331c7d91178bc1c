import Foundation
import Statistics
import Testing
import Text

@testable import Documents

@Suite struct TableTests {
  private var table: Table {
    var table = Table(
      title: "Gains α & λ_ffn",
      columns: [
        Table.Column("name", title: "name", kind: .text),
        Table.Column("count", title: "n", kind: .integer),
        Table.Column("ratio", title: "ratio", kind: .estimate(.significant(3))),
        Table.Column("raw", title: "raw", kind: .number(.decimals(2)), audience: .data),
        Table.Column("mark", title: "mark", kind: .text, audience: .unlessEmpty),
      ], notes: ["50 % of a|b"])
    let interval = Interval(lower: 0.2, upper: 0.3)
    table.append([
      .text("γ, \"quoted\""), .integer(12), .estimate(Estimate(value: 0.25, interval: interval)),
      .number(1.0 / 3), .missing,
    ])
    table.append([
      .text("日本"), .missing, .estimate(Estimate(value: .nan, interval: nil)), .number(-.infinity), .text(""),
    ])
    table.append([
      .text("c"), .integer(-3), .estimate(Estimate(value: .infinity, interval: nil)), .number(.nan), .missing,
    ])
    return table
  }

  @Test func terminal() {
    #expect(
      table.rendered(as: .table) == """
        Gains α & λ_ffn

        name          n                 ratio
        ───────────  ──  ────────────────────
        γ, "quoted"  12  0.250 [0.200, 0.300]
        日本          –             undefined
        c            -3                   inf

        50 % of a|b

        """)
  }

  @Test func csv() {
    #expect(
      table.rendered(as: .csv) == """
        name,count,ratio,ratio_low,ratio_high,raw,mark
        "γ, ""quoted""\",12,0.25,0.2,0.3,0.3333333333333333,
        日本,,nan,,,-inf,
        c,-3,inf,,,nan,

        """)
  }

  @Test func jsonIsReadByAParser() throws {
    let data = Data(table.rendered(as: .json).utf8)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let rows = try #require(object["rows"] as? [[String: Any]])
    #expect(rows.count == 3)
    #expect(rows[0]["name"] as? String == "γ, \"quoted\"")
    #expect((rows[0]["ratio"] as? [String: Any])?["high"] as? Double == 0.3)
    #expect(rows[1]["count"] is NSNull)
    #expect((rows[1]["ratio"] as? [String: Any])?["value"] as? String == "nan")
    #expect(rows[0]["raw"] as? Double == 1.0 / 3)
    #expect(object["notes"] as? [String] == ["50 % of a|b"])
  }

  @Test func markdown() {
    #expect(
      table.rendered(as: .markdown) == """
        **Gains α & λ\\_ffn**

        | name | n | ratio |
        | --- | ---: | ---: |
        | γ, "quoted" | 12 | 0.250 \\[0.200, 0.300] |
        | 日本 | – | undefined |
        | c | −3 | ∞ |

        - 50 % of a\\|b

        """)
  }

  @Test func latex() {
    let text = table.rendered(as: .latex)
    #expect(text.contains("\\caption{Gains $\\alpha$ \\& $\\lambda$\\_ffn}"))
    #expect(text.contains("\\begin{tabular}{lrr}"))
    #expect(text.contains("    c & $-$3 & $\\infty$ \\\\\n"))
    #expect(text.contains("50 \\% of a$|$b"))
  }

  @Test func widthsCountColumnsNotScalars() {
    #expect(displayWidth("λγα±") == 4)
    #expect(displayWidth("日本") == 4)
    #expect(displayWidth("e\u{301}") == 1)
    #expect(displayWidth("👩‍🔬") == 2)
    #expect(displayWidth("") == 0)
    #expect(wrapped("aa bb cc", width: 5) == ["aa bb", "cc"])
  }
}
