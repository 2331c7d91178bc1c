import Evaluation
import Testing

/// What answers to one question begin with is taken once.
struct SequenceGroupTests {
  private func sequence(_ inputs: [Int32], asked: Int) -> TokenSequence {
    TokenSequence(
      inputs: inputs,
      targets: inputs.indices.map { $0 < inputs.count - asked ? TokenSequence.notAsked : 40 + Int32($0) })
  }

  @Test func sequencesPartWhereTheyDifferOrAreAsked() {
    let group = SequenceGroup([
      sequence([1, 2, 3, 4, 5], asked: 2), sequence([1, 2, 3, 7], asked: 1), sequence([1, 2, 3], asked: 1),
    ])
    // The last one is asked at its third token.
    #expect(group.prefix == [1, 2])
    #expect(group.branches.map(\.inputs) == [[3, 4, 5], [3, 7], [3]])
    #expect(group.branches.map(\.targets) == [[-1, 43, 44], [-1, 43], [42]])
    #expect(group.size == SequenceGroup.Size(rows: 8, longest: 5))
  }

  @Test func oneSequenceAndSuchAsHaveNothingInCommonStayWhole() {
    let one = sequence([1, 2, 3], asked: 1)
    #expect(SequenceGroup([one]) == SequenceGroup(one))
    let group = SequenceGroup([one, sequence([4, 2, 3], asked: 1)])
    #expect(group.prefix.isEmpty && group.branches.map(\.inputs) == [[1, 2, 3], [4, 2, 3]])
    // Nothing is asked at all: a token stays for each.
    #expect(SequenceGroup([sequence([1, 2], asked: 0), sequence([1, 2], asked: 0)]).prefix == [1])
  }

  private func task(context: Int, answers: [Int]) throws -> TaskQuestion {
    let example = TokenisedExample(
      id: "1", label: 0,
      choices: answers.enumerated().map { number, length in
        .init(
          context: (0..<context).map { Int32($0 % 7) },
          completion: Array(repeating: Int32(10 + number), count: length), byteCount: length)
      }, unconditional: [])
    return try TaskQuestion(
      TaskSet(name: "task", format: .multipleChoice, examples: [example]), startToken: nil, limit: nil,
      truncates: false, scoring: .sum)
  }

  @Test func answersAreReadTogetherWhereThatSparesSomething() throws {
    // 99 tokens of 100 are common; the last one is asked at.
    #expect(try task(context: 100, answers: [5, 9]).sizes == [.init(rows: 113, longest: 108)])
    // Nine tenths of these sequences are their own.
    #expect(
      try task(context: 10, answers: [91, 91]).sizes
        == [.init(rows: 100, longest: 100), .init(rows: 100, longest: 100)])
    // More than a pass of 2,048 rows holds: 999 and four of 250, then two more.
    #expect(
      try task(context: 1000, answers: Array(repeating: 250, count: 6)).sizes
        == [.init(rows: 1999, longest: 1249), .init(rows: 1499, longest: 1249)])
  }
}
