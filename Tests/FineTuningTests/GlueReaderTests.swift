import Evaluation
import FileTestSupport
import FineTuning
import Testing

/// GLUE's files in their public layout, with their odd cases.
@Suite struct GlueReaderTests {
  /// A header, where the file has one, and two lines with labels.
  static let files: [GlueTask: String] = [
    .cola: "gj04\t1\t\tOur friends won't buy this.\ngj04\t0\t*\tThey drank the pub.\n",
    .sst2: "sentence\tlabel\nhide new secretions \t0\n\"a \" quote\" \t1\n",
    .mrpc: "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
      + "1\t7\t8\tHe said so .\tSo he said .\n0\t9\t10\tA\tB\n",
    .qqp: "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
      + "1\t2\t3\tHow?\tHow so?\t1\n4\t5\t6\tWho?\tWhy?\t0\n",
    .stsb:
      "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
      + "0\tmain\tMSR\t2012\t1\tnone\tnone\tA plane.\tAn air plane.\t5.000\n"
      + "1\tmain\tMSR\t2012\t4\tnone\tnone\tA man.\tA flute.\t3.8\n",
    .mnli:
      "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse"
      + "\tsentence1\tsentence2\tlabel1\tgold_label\n"
      + "0\t1\t1n\tfiction\t( a )\t( b )\tp\tq\tA cat.\tA pet.\tneutral\tentailment\n"
      + "1\t2\t2c\tfiction\t( a )\t( b )\tp\tq\tA cat.\tA dog.\tneutral\tcontradiction\n",
    .qnli: "index\tquestion\tsentence\tlabel\n"
      + "0\tWhen?\tIn May.\tentailment\n1\tWho?\tIn May.\tnot_entailment\n",
    .rte: "index\tsentence1\tsentence2\tlabel\n"
      + "0\tIt rains.\tIt is wet.\tnot_entailment\n1\tA\tB\tentailment\n",
  ]

  private static let sentences: [GlueTask: [[String]]] = [
    .cola: [["Our friends won't buy this."], ["They drank the pub."]],
    .sst2: [["hide new secretions"], ["\"a \" quote\""]],
    .mrpc: [["He said so .", "So he said ."], ["A", "B"]],
    .qqp: [["How?", "How so?"], ["Who?", "Why?"]],
    .stsb: [["A plane.", "An air plane."], ["A man.", "A flute."]],
    .mnli: [["A cat.", "A pet."], ["A cat.", "A dog."]],
    .qnli: [["When?", "In May."], ["Who?", "In May."]],
    .rte: [["It rains.", "It is wet."], ["A", "B"]],
  ]

  private static let answers: [GlueTask: [Answer]] = [
    .cola: [.classNumber(1), .classNumber(0)], .sst2: [.classNumber(0), .classNumber(1)],
    .mrpc: [.classNumber(1), .classNumber(0)], .qqp: [.classNumber(1), .classNumber(0)],
    .stsb: [.score(5), .score(3.8)], .mnli: [.classNumber(1), .classNumber(0)],
    .qnli: [.classNumber(0), .classNumber(1)], .rte: [.classNumber(1), .classNumber(0)],
  ]

  private func read(_ task: GlueTask, _ text: String) throws -> ExampleSet<String> {
    let folder = try TemporaryFolder()
    return try GlueReader(task, path: folder.write(text, to: "train.tsv")).read()
  }

  private func refusal(_ task: GlueTask, _ text: String) -> String {
    do {
      _ = try read(task, text)
      return "read"
    } catch { return "\(error)" }
  }

  @Test(arguments: GlueTask.allCases)
  func everyLayoutIsRead(task: GlueTask) throws {
    let text = try #require(Self.files[task])
    for text in [text, text.replacing("\n", with: "\r\n"), "\u{FEFF}" + text, String(text.dropLast())] {
      let set = try read(task, text)
      #expect(set.examples.map(\.sentences) == Self.sentences[task])
      #expect(set.examples.compactMap(\.answer) == Self.answers[task])
    }
    let first = task == .cola ? 1 : 2
    #expect(try read(task, text).examples.map(\.line) == [first, first + 1])
  }

  @Test(arguments: GlueTask.allCases)
  func testSplitsHaveNoLabels(task: GlueTask) throws {
    // CoLA's has a header, the others' lack the column.
    let text =
      task == .cola
      ? "index\tsentence\n0\tBill whistled past the house.\n"
      : try #require(Self.files[task]).split(separator: "\n").map { line in
        let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
        return (task == .mrpc ? cells.dropFirst() : cells.dropLast()).joined(separator: "\t")
      }.joined(separator: "\n")
    let set = try read(task, text)
    #expect(set.examples.allSatisfy { $0.answer == nil } && !set.examples.isEmpty)
    if task != .cola { #expect(set.examples.map(\.sentences) == Self.sentences[task]) }
  }

  @Test func emptyTextAndMissingLabels() throws {
    let set = try read(.sst2, "sentence\tlabel\n\t1\n  \t\nfine\t0\n\n")
    #expect(set.examples.map(\.sentences) == [[""], [""], ["fine"]])
    #expect(set.examples.map(\.answer) == [.classNumber(1), nil, .classNumber(0)])
    // What MNLI's annotators did not agree on.
    let text = try #require(Self.files[.mnli])
    #expect(try read(.mnli, text.replacing("\tcontradiction", with: "\t-")).examples[1].answer == nil)
  }

  @Test func brokenLinesAreLeftOut() throws {
    let whole = (0..<150).map { "\($0)\t1\t2\tWhat?\tHow?\t\($0 % 2)" }
    let header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
    let set = try read(.qqp, ([header] + whole + ["151\t1\t2\tWhat is"]).joined(separator: "\n"))
    #expect(set.examples.count == 150 && set.skippedLines == 1)
    let refusal = refusal(.qqp, ([header] + whole.prefix(9) + ["9\tWhat"]).joined(separator: "\n"))
    #expect(refusal.contains("line 11") && refusal.contains("2 columns") && refusal.contains("QQP"))
  }

  @Test(arguments: GlueTask.allCases)
  func otherTasksAreRefused(task: GlueTask) throws {
    for other in GlueTask.allCases where other != task {
      let refusal = refusal(task, try #require(Self.files[other]))
      #expect(refusal.contains("train.tsv, line") && refusal.contains(task.title), "\(other): \(refusal)")
      // CoLA's has no header that would tell.
      if other != .cola { #expect(refusal.contains(other.argument), "\(refusal)") }
    }
  }

  @Test func labelsOutOfRange() {
    #expect(refusal(.sst2, "sentence\tlabel\nfine\t2\n").contains("label 2; SST-2 has 0, 1"))
    #expect(refusal(.cola, "gj04\t7\t\tfine\n").contains("label 7"))
    let rte = "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t"
    #expect(refusal(.rte, rte + "neutral\n").contains("label neutral"))
    let stsb = "sentence1\tsentence2\tscore\na\tb\t"
    for score in ["5.1", "-0.1", "nan", "x"] {
      #expect(refusal(.stsb, stsb + score).contains("score \(score)"), "\(score)")
    }
    #expect(refusal(.sst2, "").contains("empty"))
    #expect(refusal(.sst2, "sentence\tlabel\n").contains("no examples"))
  }

  @Test func bytesThatAreNoText() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("sentence\tlabel\n".utf8) + [0xFF, 0x09, 0x31], to: "train.tsv")
    #expect {
      _ = try GlueReader(.sst2, path: path).read()
    } throws: { "\($0)".contains("line 2: is not UTF-8") }
  }

  // MARK: - Sequences

  private func sequences(
    _ sentences: [[Int]], limit: Int,
    layout: SequenceLayout = SequenceLayout(before: [1], between: [2, 2], after: [3])
  ) throws -> [[Int32]] {
    let set = ExampleSet<[Int32]>(
      task: .rte, path: "f",
      examples: [
        Example(line: 1, sentences: sentences.map { $0.map { Int32($0) } }, answer: .classNumber(0))
      ])
    return try layout.sequences(of: set, limit: limit).sequences.map(\.tokens)
  }

  @Test func theLongerSentenceIsCut() throws {
    #expect(try sequences([[10, 11], [20, 21]], limit: 8) == [[1, 10, 11, 2, 2, 20, 21, 3]])
    #expect(try sequences([[10, 11, 12, 13], [20, 21]], limit: 8) == [[1, 10, 11, 2, 2, 20, 21, 3]])
    #expect(try sequences([[10], [20, 21, 22, 23]], limit: 7) == [[1, 10, 2, 2, 20, 21, 3]])
    // Equal ones take turns, the second first.
    #expect(try sequences([[10, 11, 12], [20, 21, 22]], limit: 7) == [[1, 10, 11, 2, 2, 20, 3]])
    #expect(try sequences([[10, 11, 12]], limit: 4) == [[1, 10, 11, 3]])
    #expect(try sequences([[], []], limit: 4) == [[1, 2, 2, 3]])
    for sentences in [[[10]], [[10], [20]]] {
      #expect(throws: EvaluationError.self) { try self.sequences(sentences, limit: 1) }
    }
    let plain = SequenceLayout(before: [], between: [], after: [])
    #expect(throws: EvaluationError.self) { try self.sequences([[], []], limit: 9, layout: plain) }
  }

  @Test func bytesAreLines() throws {
    let set = ExampleSet<String>(
      task: .rte, path: "f",
      examples: [Example(line: 1, sentences: ["é", ""], answer: .classNumber(1))])
    let (sequences, cut) = try SequenceLayout.bytes.sequences(of: set.bytes, limit: 9)
    let expected = LabelledSequence(tokens: [10, 0xC3, 0xA9, 10], answer: .classNumber(1))
    #expect(sequences == [expected] && cut == 0)
  }
}
