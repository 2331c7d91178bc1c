import Experiments
import RunData

extension EvaluationLayout {
  /// `test.txt: 1.9215 nats/token, perplexity by word 18.7, 2.77 bits/byte`, or of a task its accuracy.
  ///
  /// - Parameter index: where it stands among the run's texts and tasks.
  package func summary(_ record: EvaluationRecord, at index: Int) -> String {
    let loss = record.losses[index]
    var parts: [String] = []
    if isTask {
      parts.append("\(rounded(100 * record.accuracies[index], 1)) % of \(exampleCount) examples right")
    }
    parts.append("\(rounded(loss, 4)) nats/token")
    if let byWord = perplexity(loss, by: .word) { parts.append("perplexity by word \(rounded(byWord, 2))") }
    if let bits = bitsPerByte(loss) { parts.append("\(rounded(bits, 4)) bits/byte") }
    return "\(name): \(parts.joined(separator: ", "))"
  }
}
