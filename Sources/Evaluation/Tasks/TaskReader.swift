import FileAccess

/// Reads a task's file in the layout that it is distributed in, with the prompts of Brown et al. (2020), appendix G.
public struct TaskReader {
  let format: TaskFormat
  let path: String
  let labelsPath: String?

  /// What stands before an answer whose own likelihood is asked for: Brown et al., section 2.4.
  static let unconditionalContext = "Answer:"

  /// - Parameter labels: a file with one label a line, where they are apart.
  public init(_ format: TaskFormat, path: String, labels: String? = nil) {
    (self.format, self.path, labelsPath) = (format, path, labels)
  }

  /// The examples.
  /// - Throws: `FileAccessError`, or ``EvaluationError`` where the file is of another task or damaged.
  public func read() throws -> TaskSet<String> {
    let records = try records()
    guard let first = records.first else { throw EvaluationError(path, "has no examples") }
    try checkFields(first)
    let labels = try labels(count: records.count)
    let examples = try records.enumerated().map { index, record in
      try checkFields(record)
      var example = try prompt(record)
      let word = try labels?[index] ?? label(record)
      example.label = try word.map { try place(ofLabel: $0, in: example, record) } ?? example.label
      return example
    }
    return TaskSet(name: format.title, format: format, examples: examples)
  }

  private func records() throws -> [TaskRecord] {
    let reader = TaskRecordReader(path: path)
    switch format {
    case .storycloze: return try reader.tableRecords()
    case .lambada:
      // The authors' own files have a passage a line.
      let lines = try reader.lines()
      guard lines.first?.first != "{" else { return try reader.jsonRecords() }
      return lines.enumerated().map { index, line in
        TaskRecord(
          place: "\(path), line \(index + 1)", line: index + 1, fields: ["text": .text(String(line))])
      }
    default: return try reader.jsonRecords()
    }
  }

  private func checkFields(_ record: TaskRecord) throws(EvaluationError) {
    guard let missing = format.fields.first(where: { record.fields[$0] == nil }) else { return }
    let found = record.fields.keys.sorted().joined(separator: ", ")
    let other = TaskFormat.allCases.first { other in other.fields.allSatisfy { record.fields[$0] != nil } }
    throw record.error(
      "has no \(missing), which \(format.title) has; there are \(found.prefix(200))",
      advice: other.map { "It looks like a file of \($0.title): give it as \($0.rawValue)=" })
  }

  // MARK: - Labels

  private func labels(count: Int) throws -> [String]? {
    guard let labelsPath else { return nil }
    let lines = try TaskRecordReader(path: labelsPath).lines().map { $0.trimmed }
    guard lines.count == count else {
      throw EvaluationError(labelsPath, "has \(lines.count) labels, but \(path) has \(count) examples")
    }
    return lines
  }

  private func label(_ record: TaskRecord) throws(EvaluationError) -> String? {
    guard let field = format.labelField, let value = record.fields[field], value != .nothing else {
      return nil
    }
    if value == .text("") { return nil }
    guard let word = record.word(field) else { throw record.error("\(field) is no label") }
    return word
  }

  private func place(
    ofLabel word: String, in example: TaskPrompt, _ record: TaskRecord
  ) throws(EvaluationError) -> Int? {
    if word.isEmpty || word == "-1" { return nil }
    let count = example.choices.count
    let letter = word.unicodeScalars.count == 1 ? word.unicodeScalars.first.map { Int($0.value) - 65 } : nil
    let place = format == .openbookqa ? letter : Int(word).map { $0 - format.firstLabel }
    guard let place, (0..<count).contains(place) else {
      throw record.error("has the label \(word.prefix(40)), and \(count) answers")
    }
    return place
  }

  // MARK: - Prompts

  private func prompt(_ record: TaskRecord) throws(EvaluationError) -> TaskPrompt {
    switch format {
    case .hellaswag: return try hellaswag(record)
    case .piqa:
      return example(
        record, "id", context: try record.text("goal"), [try record.text("sol1"), try record.text("sol2")])
    case .winogrande: return try winogrande(record)
    case .openbookqa: return try openBookQA(record)
    case .storycloze:
      var sentences: [String] = []
      for number in 1...4 { sentences.append(try record.text("InputSentence\(number)").trimmed) }
      return example(
        record, "InputStoryid", context: sentences.joined(separator: " "),
        [try record.text("RandomFifthSentenceQuiz1"), try record.text("RandomFifthSentenceQuiz2")])
    case .lambada: return try lambada(record)
    case .multipleChoice:
      let choices = try record.texts("choices")
      guard choices.count > 1 else {
        throw record.error("has \(choices.count) choices; a task has two or more")
      }
      return example(
        record, "id", context: try record.text("context"), choices,
        unconditional: record.word("unconditional"))
    }
  }

  /// Answers behind one context, with a space between.
  private func example(
    _ record: TaskRecord, _ id: String, context: String, _ answers: [String], unconditional: String? = nil
  ) -> TaskPrompt {
    TaskPrompt(
      id: record.word(id) ?? "line \(record.line)", label: nil,
      choices: answers.map { answer in
        let answer = answer.trimmed
        return .init(
          context: context.trimmed, completion: answer.isEmpty ? "" : " \(answer)",
          byteCount: answer.utf8.count)
      }, unconditional: unconditional ?? Self.unconditionalContext)
  }

  /// The activity, a colon, and the context, whose second half begins a sentence.
  private func hellaswag(_ record: TaskRecord) throws(EvaluationError) -> TaskPrompt {
    let second = try record.text("ctx_b").trimmed
    let capitalised = second.prefix(1).uppercased() + second.dropFirst()
    let context = [try record.text("ctx_a").trimmed, capitalised].filter { !$0.isEmpty }.joined(
      separator: " ")
    let endings = try record.texts("endings")
    guard endings.count > 1 else { throw record.error("has \(endings.count) endings; HellaSwag has four") }
    return example(
      record, "ind", context: Self.withoutMarks("\(try record.text("activity_label")): \(context)"),
      endings.map(Self.withoutMarks))
  }

  /// Marks of WikiHow's pages are no language: `[title]` ends a sentence, the others go.
  private static func withoutMarks(_ text: String) -> String {
    var text = text.replacing(" [title]", with: ". ")
    while let start = text.firstIndex(of: "["), let end = text[start...].firstIndex(of: "]") {
      text.removeSubrange(start...end)
    }
    return text.replacing("  ", with: " ").trimmed
  }

  /// The options in the blank's place, and what follows it as the completion: Trinh and Le's partial evaluation.
  private func winogrande(_ record: TaskRecord) throws(EvaluationError) -> TaskPrompt {
    let sentence = try record.text("sentence")
    let parts = sentence.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw record.error("has \(parts.count - 1) blanks (_) in its sentence; WinoGrande has one")
    }
    let completion = String(parts[1].trimmedEnd)
    var choices: [TaskPrompt.Choice] = []
    for option in ["option1", "option2"] {
      let context = parts[0] + (try record.text(option).trimmed)
      choices.append(
        .init(context: String(context), completion: completion, byteCount: completion.trimmed.utf8.count))
    }
    return TaskPrompt(
      id: record.word("qID") ?? "line \(record.line)", label: nil, choices: choices,
      unconditional: Self.unconditionalContext)
  }

  private func openBookQA(_ record: TaskRecord) throws(EvaluationError) -> TaskPrompt {
    guard case .fields(let question)? = record.fields["question"], case .text(let stem)? = question["stem"],
      case .list(let list)? = question["choices"]
    else { throw record.error("has no question with stem and choices") }
    var answers: [String] = []
    for (index, element) in list.enumerated() {
      guard case .fields(let choice) = element, case .text(let text)? = choice["text"],
        choice["label"] == .text(String(UnicodeScalar(UInt8(65 + index % 26))))
      else { throw record.error("has a choice \(index + 1) that is no text with its letter") }
      answers.append(text)
    }
    guard answers.count > 1 else { throw record.error("has \(answers.count) choices; OpenBookQA has four") }
    return example(record, "id", context: stem, answers)
  }

  /// All but the last word, and the last word.
  private func lambada(_ record: TaskRecord) throws(EvaluationError) -> TaskPrompt {
    let text = try record.text("text").trimmed
    guard let space = text.lastIndex(of: " ") else { throw record.error("is no passage of several words") }
    let word = text[text.index(after: space)...]
    return TaskPrompt(
      id: "line \(record.line)", label: 0,
      choices: [
        .init(context: text[..<space].trimmed, completion: " \(word)", byteCount: word.utf8.count)
      ], unconditional: Self.unconditionalContext)
  }
}

extension StringProtocol {
  /// Without white space at both ends.
  var trimmed: String {
    String(drop(while: \.isWhitespace).trimmedEnd)
  }

  /// Without white space at the end.
  var trimmedEnd: SubSequence {
    var rest = self[...]
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }
}
