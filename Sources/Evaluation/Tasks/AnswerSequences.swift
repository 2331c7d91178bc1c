/// One answer to a task's question, as it is or without the question.
struct AnswerPlace {
  let example: Int
  let choice: Int
  let isUnconditional: Bool
}

/// Makes the sequences of a task's answers.
struct AnswerSequences: Sendable {
  let task: TaskSet<[Int32]>
  /// Stands before each context where not nil.
  let startToken: Int32?
  /// Tokens that a model can take; contexts that are longer lose their beginning.
  let limit: Int?

  /// What stands before an answer.
  func context(_ place: AnswerPlace) -> [Int32] {
    let example = task.examples[place.example]
    return (startToken.map { [$0] } ?? [])
      + (place.isUnconditional ? example.unconditional : example.choices[place.choice].context)
  }

  /// Tokens that are scored.
  func completion(_ place: AnswerPlace) -> [Int32] {
    task.examples[place.example].choices[place.choice].completion
  }

  /// The context and all of the answer but its last token, which is only asked for.
  func sequence(_ place: AnswerPlace) -> TokenSequence {
    let completion = completion(place)
    var inputs = context(place) + completion.dropLast()
    if let limit, inputs.count > limit { inputs.removeFirst(inputs.count - limit) }
    let notAsked = Array(repeating: TokenSequence.notAsked, count: inputs.count - completion.count)
    return TokenSequence(inputs: inputs, targets: notAsked + completion)
  }

  /// Puts answers together that begin alike, so many that a pass of the usual size holds them; each alone where that spares little, since
  /// small sequences leave fewer rows of a pass over.
  func grouped(_ places: [AnswerPlace]) -> [[AnswerPlace]] {
    let sequences = places.map(sequence)
    let apart = sequences.reduce(0) { $0 + $1.inputs.count }
    guard SequenceGroup(sequences).size.rows < apart - apart / 8 else { return places.map { [$0] } }
    var groups: [[Int]] = []
    for index in places.indices {
      if let last = groups.last,
        SequenceGroup((last + [index]).map { sequences[$0] }).size.rows <= Evaluator.usualRows
      {
        groups[groups.count - 1].append(index)
      } else {
        groups.append([index])
      }
    }
    return groups.map { $0.map { places[$0] } }
  }
}
