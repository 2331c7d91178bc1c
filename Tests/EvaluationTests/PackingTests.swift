import Testing

@testable import Evaluation

/// Sequences in passes: each once, none over the edge, little room left.
struct PackingTests {
  @Test(arguments: [[1], [7, 7, 7], [8, 1, 1, 5, 3, 3, 2, 8, 7, 6, 1], Array(1...8) + Array(1...8)])
  func eachSequenceIsInOnePassThatHoldsIt(lengths: [Int]) {
    let passes = Packing(lengths: lengths, rows: 8).passes
    #expect(passes.flatMap(\.self).sorted() == Array(lengths.indices))
    #expect(passes.allSatisfy { pass in pass.map { lengths[$0] }.reduce(0, +) <= 8 && !pass.isEmpty })
  }

  @Test func whatFitsBesideALongSequenceGoesThere() {
    let passes = Packing(lengths: [2, 6, 3, 5, 8, 4, 4], rows: 8).passes
    #expect(passes.count == 4)
  }
}

/// Which tokens are asked for, and with how many before them.
struct ContextWindowsTests {
  @Test(arguments: [(1, 1), (4, 4), (5, 2), (7, 1), (16, 16), (100, 3)])
  func eachTokenButTheFirstIsAskedForOnce(context: Int, stride: Int) {
    for count in 1...30 {
      let windows = ContextWindows(context: context, stride: stride).windows(over: 3..<3 + count)
      var asked: [Int] = []
      for window in windows {
        #expect(window.count <= context && window.start + window.count < 3 + count)
        for place in window.firstCounted..<window.count {
          asked.append(window.start + place + 1)
          // All but those of the first window have the context less the stride before them, and one more.
          #expect(place + 1 > context - stride || window.start == 3)
        }
      }
      #expect(asked == Array(4..<3 + count))
    }
  }
}

/// Words and documents of texts.
struct TextTests {
  @Test(arguments: [
    ("", 0), ("\n", 1), ("a b\n", 3), ("a  b", 3), (" \n \n", 2), ("a\u{A0}b\u{1C}c\u{2003}d\n", 5),
    ("a\r\nb", 4),
  ])
  func wordsAsPythonSplitsThem(text: String, words: Int) {
    #expect(wikiTextWords(in: Array(text.utf8)[...]) == words)
  }

  @Test func documentsBeginWhereTheRuleSays() {
    let text = Array("\n = One =\n\n = = Part = =\n\n text\n more\n\n = Two = three =\nx".utf8)
    func starts(_ rule: DocumentRule) -> [String] {
      let starts = rule.starts(in: text)
      #expect(starts.first == 0 && starts == starts.sorted())
      return starts.dropFirst().map { String(decoding: text[$0...].prefix { $0 != 10 }, as: UTF8.self) }
    }
    #expect(starts(.whole) == [])
    #expect(starts(.wikitext) == [" = Two = three ="])
    #expect(starts(.lines) == [" = = Part = =", " text", " more", " = Two = three =", "x"])
    #expect(starts(.paragraphs) == [" = = Part = =", " text", " = Two = three ="])
    #expect(DocumentRule.lines.starts(in: Array("\n\n".utf8)) == [0])
  }
}
