import Randomness

extension TaskSet<String> {
  /// What stands between two examples.
  private static var separator: String { "\n\n" }

  /// The same examples behind others that are answered: Brown et al. (2020), section 2.4.
  ///
  /// Each example gets its own, drawn without replacement from those with a label, never itself. LAMBADA's become sentences with a blank, so
  /// that a model sees that one word is asked for.
  ///
  /// - Parameters:
  ///   - shots: how many stand before each.
  ///   - pool: what they are drawn from; nil for the examples themselves.
  ///   - seed: of the draw.
  /// - Throws: ``EvaluationError`` where there are too few.
  public func withShots(_ shots: Int, from pool: TaskSet<String>?, seed: UInt64) throws(EvaluationError)
    -> TaskSet
  {
    guard shots > 0 else { return self }
    let candidates = (pool ?? self).examples
    let answered = candidates.indices.filter { candidates[$0].label != nil }
    guard answered.count >= shots + (pool == nil ? 1 : 0) else {
      throw EvaluationError(
        name, "has \(answered.count) examples with a label to draw from, too few for \(shots) before each",
        advice: "Name a larger file with --shots-from")
    }
    let generator = Philox(seed: seed, stream: "shots.\(format.rawValue)")
    var result = self
    result.shots = shots
    for index in examples.indices {
      var places = answered.filter { pool != nil || $0 != index }
      var before = ""
      for shot in 0..<shots {
        let draw = generator.integer(below: places.count, at: UInt64(index) << 16 | UInt64(shot))
        before += answeredText(candidates[places.remove(at: draw)]) + Self.separator
      }
      for choice in examples[index].choices.indices {
        let context = examples[index].choices[choice].context
        result.examples[index].choices[choice].context =
          before + (format.isOpen ? "\(context) ____. ->" : context)
      }
    }
    return result
  }

  private func answeredText(_ example: TaskPrompt) -> String {
    let choice = example.choices[example.label ?? 0]
    return format.isOpen
      ? "\(choice.context) ____. ->\(choice.completion)" : choice.context + choice.completion
  }
}
