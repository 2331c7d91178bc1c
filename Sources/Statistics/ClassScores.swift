/// How well classes are told, from how often each was said where each was right.
public struct ClassScores: Equatable, Sendable {
  /// `counts[right][said]`.
  private let counts: [[Double]]

  /// Counts.
  ///
  /// - Precondition: as many answers as labels, all of them below `classCount` and not negative.
  public init(answers: [Int], labels: [Int], classCount: Int) {
    precondition(answers.count == labels.count)
    var counts = Array(repeating: Array(repeating: 0.0, count: classCount), count: classCount)
    for (answer, label) in zip(answers, labels) { counts[label][answer] += 1 }
    self.counts = counts
  }

  private var total: Double { counts.reduce(0) { $0 + $1.reduce(0, +) } }
  private var right: Double { counts.indices.reduce(0) { $0 + counts[$1][$1] } }
  private var labelled: [Double] { counts.map { $0.reduce(0, +) } }
  private var said: [Double] { counts.indices.map { answer in counts.reduce(0) { $0 + $1[answer] } } }

  /// The share that is right; not a number of no examples.
  public var accuracy: Double { total > 0 ? right / total : .nan }

  /// `2 TP / (2 TP + FP + FN)` of class 1, the harmonic mean of precision and recall; 0 where the class is neither right nor said, as scikit-learn
  /// has it.
  public var f1: Double {
    let reach = labelled[1] + said[1]
    return reach > 0 ? 2 * counts[1][1] / reach : 0
  }

  /// Matthews' correlation of answers and labels, for two classes or more (Gorodkin 2004): 0 where either are all of one class, as scikit-learn has
  /// it.
  public var matthews: Double {
    let (labelled, said) = (labelled, said)
    let squared = total * total
    let covariance = right * total - zip(labelled, said).reduce(0) { $0 + $1.0 * $1.1 }
    let spread =
      (squared - said.reduce(0) { $0 + $1 * $1 }) * (squared - labelled.reduce(0) { $0 + $1 * $1 })
    return spread > 0 ? covariance / spread.squareRoot() : 0
  }
}
