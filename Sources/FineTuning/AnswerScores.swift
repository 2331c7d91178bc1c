import RealModule
import RunData
import Statistics

/// How a model answers a task's held-out examples.
public struct AnswerScores: Equatable, Sendable {
  /// The mean loss of the examples: nats, or squared score.
  public let loss: Double
  /// How rightly they are answered.
  public let metrics: [TaskMetric: Double]

  /// Judges outputs: a logit for each class, or a number.
  ///
  /// - Precondition: as many outputs as answers, one at least, all of one kind.
  init(outputs: [[Double]], answers: [Answer]) {
    precondition(outputs.count == answers.count && !answers.isEmpty)
    var (labels, scores): ([Int], [Double]) = ([], [])
    var loss = 0.0
    for (output, answer) in zip(outputs, answers) {
      switch answer {
      case .classNumber(let label):
        labels.append(label)
        loss += Self.negativeLogLikelihood(output, label)
      case .score(let score):
        scores.append(score)
        loss += (output[0] - score) * (output[0] - score)
      }
    }
    self.loss = loss / Double(answers.count)
    guard scores.isEmpty else {
      let said = outputs.map { $0[0] }
      metrics = [
        .pearson: Correlation.pearson(said, scores), .spearman: Correlation.spearman(said, scores),
      ]
      return
    }
    let counts = ClassScores(
      answers: outputs.map(Self.likeliest), labels: labels, classCount: outputs[0].count)
    metrics = [.accuracy: counts.accuracy, .f1: counts.f1, .matthews: counts.matthews]
  }

  private static func negativeLogLikelihood(_ logits: [Double], _ label: Int) -> Double {
    let most = logits.max() ?? 0
    return Double.log(logits.reduce(0) { $0 + Double.exp($1 - most) }) + most - logits[label]
  }

  /// The class with the highest logit, of equal ones the first.
  private static func likeliest(_ logits: [Double]) -> Int {
    logits.indices.max { (logits[$0], -$0) < (logits[$1], -$1) } ?? 0
  }
}
