import Statistics
import Testing
import Text

@testable import Documents

/// Tables in terminals that are too narrow for them.
@Suite struct TerminalTableTests {
  /// Rows of a name, numbers with the middle ones of low priority, an estimate with its interval, and a mark.
  private func table(rows: Int, numbers: Int, mark: String = "") -> Table {
    var table = Table(
      title: "Mismatch",
      columns: [Table.Column("name", title: "architecture", kind: .text)]
        + (0..<numbers).map {
          Table.Column(
            "m\($0)", title: "\($0)", kind: .number(.decimals(2)), priority: -min($0, numbers - 1 - $0))
        } + [
          Table.Column("spread", title: "spread", kind: .estimate(.significant(3)), priority: 2),
          Table.Column("mark", title: "mark", kind: .text, audience: .unlessEmpty, priority: 1),
        ])
    let estimate = Estimate(value: 0.58, interval: Interval(lower: 0.402, upper: 0.835))
    for row in 0..<rows {
      table.append(
        [.text("run \(row)")] + (0..<numbers).map { .number(Double(10 * row + $0)) } + [
          .estimate(estimate), .text(mark),
        ])
    }
    return table
  }

  private func expect(_ table: Table, in width: Int, is text: String) {
    #expect(table.rendered(as: .table, width: width) == "Mismatch\n\n" + text + "\n")
  }

  @Test func aWideTerminalGetsWhatFilesGet() {
    let table = table(rows: 3, numbers: 4)
    #expect(table.rendered(as: .table, width: 63) == table.rendered(as: .table))
  }

  @Test func otherFormsDoNotDependOnTheTerminal() {
    let table = table(rows: 3, numbers: 4)
    for format in [TableFormat.csv, .json, .markdown, .latex] {
      #expect(table.rendered(as: format, width: 60) == table.rendered(as: format))
    }
  }

  @Test func intervalsGoBelowTheirValues() {
    expect(
      table(rows: 2, numbers: 3), in: 51,
      is: """
        architecture      0      1      2          spread
        ────────────  ─────  ─────  ─────  ──────────────
        run 0          0.00   1.00   2.00           0.580
                                           [0.402, 0.835]
        run 1         10.00  11.00  12.00           0.580
                                           [0.402, 0.835]
        """)
  }

  @Test func wordsAreBrokenBetweenThem() {
    expect(
      table(rows: 1, numbers: 1, mark: "not learning yet"), in: 48,
      is: """
        architecture     0          spread  mark
        ────────────  ────  ──────────────  ────────────
        run 0         0.00           0.580  not learning
                            [0.402, 0.835]  yet
        """)
  }

  @Test func fewRowsAreTurned() {
    expect(
      table(rows: 3, numbers: 9), in: 60,
      is: """
        architecture           run 0           run 1           run 2
        ────────────  ──────────────  ──────────────  ──────────────
        0                       0.00           10.00           20.00
        1                       1.00           11.00           21.00
        2                       2.00           12.00           22.00
        3                       3.00           13.00           23.00
        4                       4.00           14.00           24.00
        5                       5.00           15.00           25.00
        6                       6.00           16.00           26.00
        7                       7.00           17.00           27.00
        8                       8.00           18.00           28.00
        spread                 0.580           0.580           0.580
                      [0.402, 0.835]  [0.402, 0.835]  [0.402, 0.835]
        """)
  }

  @Test func manyRowsLoseColumnsOfLowPriorityAndSayWhich() {
    expect(
      table(rows: 9, numbers: 12), in: 60,
      is: """
        architecture      0      1     10     11          spread
        ────────────  ─────  ─────  ─────  ─────  ──────────────
        run 0          0.00   1.00  10.00  11.00           0.580
                                                  [0.402, 0.835]
        run 1         10.00  11.00  20.00  21.00           0.580
                                                  [0.402, 0.835]
        run 2         20.00  21.00  30.00  31.00           0.580
                                                  [0.402, 0.835]
        run 3         30.00  31.00  40.00  41.00           0.580
                                                  [0.402, 0.835]
        run 4         40.00  41.00  50.00  51.00           0.580
                                                  [0.402, 0.835]
        run 5         50.00  51.00  60.00  61.00           0.580
                                                  [0.402, 0.835]
        run 6         60.00  61.00  70.00  71.00           0.580
                                                  [0.402, 0.835]
        run 7         70.00  71.00  80.00  81.00           0.580
                                                  [0.402, 0.835]
        run 8         80.00  81.00  90.00  91.00           0.580
                                                  [0.402, 0.835]

        Left out to fit 60 columns: 2 to 9. Wider terminals, files
        and pipes get them.
        """)
  }

  @Test func sentencesAreReadRowByRow() {
    let sentence = "The gradients of early layers are larger than those of late ones."
    var table = Table(
      title: "",
      columns: ["claim", "verdict", "why", "source"].map { Table.Column($0, title: $0, kind: .text) })
    for row in 0..<9 {
      table.append([.text("claim \(row)"), .text("holds"), .text(sentence), .text(sentence)])
    }
    let lines = table.rendered(as: .table, width: 40).split(separator: "\n")
    #expect(
      lines[..<8] == [
        "claim    claim 0", "───────  ───────────────────────────────", "verdict  holds",
        "why      The gradients of early layers", "         are larger than those of late", "         ones.",
        "source   The gradients of early layers", "         are larger than those of late",
      ])
  }

  /// Whatever the terminal: nothing is wider, nothing that has a place is missing, no interval is broken.
  @Test(arguments: [(1, 2), (3, 12), (8, 5), (9, 24), (40, 3), (0, 4)])
  func nothingIsWiderThanTheTerminal(rows: Int, numbers: Int) {
    var table = table(rows: rows, numbers: numbers, mark: "not learning yet, non-finite")
    table.notes = ["Recording costs 3.1 % of a step, 95 % interval [0.12, 11.83] (median of 5 pairs)."]
    for width in 60...200 {
      for line in table.rendered(as: .table, width: width).split(separator: "\n") {
        #expect(displayWidth(String(line)) <= width)
        #expect(line.count { $0 == "[" } == line.count { $0 == "]" }, "\(line)")
      }
    }
  }

  @Test func aTerminalOfOneColumnIsNoReasonToEnd() {
    for width in [1, 2, 10, 20] {
      #expect(table(rows: 3, numbers: 4).rendered(as: .table, width: width).contains("0.580"))
    }
  }

  @Test func longWordsAreBrokenBehindPoints() {
    #expect(folded("self_attn_layer_norm.weight", width: 24) == ["self_attn_layer_norm.", "weight"])
    #expect(folded("abcdefgh", width: 3) == ["abc", "def", "gh"])
    #expect(folded("日本日本", width: 5) == ["日本", "日本"])
    #expect(folded("as [0.1, 0.2] is", width: 10) == ["as", "[0.1, 0.2]", "is"])
    #expect(folded("the 95 % interval", width: 6) == ["the", "95 %", "interv", "al"])
    #expect(folded("", width: 5) == [""])
  }

  @Test func headingsThatCountOnAreShortened() {
    #expect(Table.runs(["2", "3", "4", "> 1", "7", "8"]) == ["2 to 4", "> 1", "7", "8"])
    #expect(Table.runs([]) == [])
  }
}
