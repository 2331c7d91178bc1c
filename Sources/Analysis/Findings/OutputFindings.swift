import RunData
import Text

/// What the sizes of outputs, and heads of attention, say about a run, in words.
public struct OutputFindings: Sendable {
  /// Heads that have collapsed on single keys, and whose logits are large.
  public let attention: [String]
  /// Heads that look at little but the first token.
  public let sinks: [String]
  /// A stream that grows with depth.
  public let stream: [String]
  /// Outputs that hold massive elements.
  public let massive: [String]

  /// Massive activations are above this in the paper that named them (arXiv 2402.17762).
  private static let massiveMagnitude = 100.0

  /// Judges a run's outputs over some steps.
  public init(_ summary: OutputSummary, thresholds: FindingThresholds = .usual) {
    let window =
      summary.steps.count == 1
      ? "step \(summary.steps.lowerBound)"
      : "steps \(summary.steps.lowerBound) to \(summary.steps.upperBound)"
    func number(_ value: Double) -> String { NumberText.significant(value, digits: 3) }
    func heads(
      _ condition: (OutputSummary.Head) -> Bool, worst: (OutputSummary.Head, OutputSummary.Head) -> Bool,
      _ words: (OutputSummary.Head) -> String
    ) -> [String] {
      let own = summary.heads.filter(condition)
      guard let worst = own.min(by: worst) else { return [] }
      return [
        "\(counted(own.count, "head")) of \(layerList(Set(own.map(\.layer)).sorted())): \(words(worst)) in layer \(worst.layer), head"
          + " \(worst.head), over \(window)"
      ]
    }
    let leastEntropy = thresholds[.attentionEntropy]
    let largestLogit = thresholds[.maxLogit]
    attention =
      heads({ $0.entropy < leastEntropy }, worst: { $0.entropy < $1.entropy }) {
        "attention has collapsed (mean entropy below \(number(leastEntropy)) nats), to \(number($0.entropy)) nats"
      }
      + heads({ $0.maxLogit > largestLogit }, worst: { $0.maxLogit > $1.maxLogit }) {
        "attention logits are large (above \(number(largestLogit))), up to \(number($0.maxLogit))"
      }
    let largestShare = thresholds[.firstShare]
    sinks = heads({ $0.firstShare > largestShare }, worst: { $0.firstShare > $1.firstShare }) {
      "the first token gets more than \(number(largestShare)) of the attention, up to \(number($0.firstShare))"
    }
    let stream = summary.outputs.filter { $0.place.name == "input" && $0.count > 0 }
    self.stream =
      stream.first.flatMap { first in
        stream.last.flatMap { last -> [String]? in
          let growth = last.rms / first.rms
          guard stream.count > 1, growth > thresholds[.streamGrowth] else { return nil }
          return [
            "the residual stream grows \(number(growth))-fold over the layers (RMS \(number(first.rms)) to \(number(last.rms))), over"
              + " \(window)"
          ]
        }
      } ?? []
    let large = summary.outputs.filter {
      $0.count > 0 && $0.maxAbs > Self.massiveMagnitude
        && $0.maxAbs * $0.count / $0.l1 > thresholds[.massive]
    }
    massive =
      large.max { $0.maxAbs < $1.maxAbs }.map { worst in
        [
          "massive activations in \(counted(large.count, "output")), up to \(number(worst.maxAbs)) in \(worst.place), whose mean |x| is"
            + " \(number(worst.l1 / worst.count)), over \(window)"
        ]
      } ?? []
  }
}
