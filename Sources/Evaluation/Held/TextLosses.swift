import Transformer

/// The losses of one model on a text.
public struct TextLosses: Equatable, Sendable {
  /// Negative log-likelihood of each token, nats; 0 where it was not asked for.
  public let losses: [Double]
  /// Tokens that the model saw before each; 0 where it was not asked for.
  public let contexts: [Int32]

  /// Tokens that were asked for.
  public var askedCount: Int { contexts.reduce(0) { $0 + ($1 > 0 ? 1 : 0) } }
}

/// How a text is put to models.
public struct TextQuestion: Equatable, Sendable {
  /// The windows.
  public let windows: ContextWindows
  /// Whether documents are apart: no context reaches from one into the next.
  public let separatesDocuments: Bool
  /// A token put before the text, or before each document where they are apart, so that the first one is asked for too.
  public let startToken: Int32?

  /// Creates a question.
  public init(windows: ContextWindows, separatesDocuments: Bool = false, startToken: Int32? = nil) {
    self.windows = windows
    self.separatesDocuments = separatesDocuments
    self.startToken = startToken
  }

  /// The windows over a text. Place -1 before a stretch stands for the start token.
  func windows(over text: HeldOutText) -> [ContextWindows.Window] {
    stretches(of: text).flatMap { stretch in
      windows.windows(over: stretch.lowerBound - (startToken == nil ? 0 : 1)..<stretch.upperBound)
    }
  }

  /// What a context does not reach out of.
  func stretches(of text: HeldOutText) -> [Range<Int>] {
    separatesDocuments ? text.documents.map(\.range) : [text.tokens.indices]
  }

  /// What the sequences that a model gets take.
  public func sizes(over text: HeldOutText) -> [SequenceGroup.Size] {
    windows(over: text).map { SequenceGroup.Size(rows: $0.count, longest: $0.count) }
  }
}

extension Evaluator {
  /// The losses of a text's tokens.
  ///
  /// - Precondition: the model's vocabulary holds all tokens, and its shape the windows.
  public func losses(
    of text: HeldOutText, _ question: TextQuestion, progress: (Double) throws -> Void
  ) rethrows -> TextLosses {
    let windows = question.windows(over: text)
    let beginnings =
      question.startToken == nil ? [] : Set(question.stretches(of: text).map { $0.lowerBound - 1 })
    var losses = Array(repeating: 0.0, count: text.tokens.count)
    var contexts = Array(repeating: Int32(0), count: text.tokens.count)
    try evaluate(
      sizes: question.sizes(over: text),
      group: { index in
        let window = windows[index]
        var inputs = (0..<window.count).map { text.tokens[max(0, window.start + $0)] }
        // A window that begins a stretch begins with the start token, if there is one.
        if window.firstCounted == 0, beginnings.contains(window.start), let start = question.startToken {
          inputs[0] = start
        }
        let targets = (0..<window.count).map { place in
          place < window.firstCounted ? TokenSequence.notAsked : text.tokens[window.start + place + 1]
        }
        return SequenceGroup(TokenSequence(inputs: inputs, targets: targets))
      },
      each: { index, _, answers in
        let window = windows[index]
        for (place, answer) in zip(window.firstCounted..<window.count, answers) {
          losses[window.start + place + 1] = answer.loss
          contexts[window.start + place + 1] = Int32(place + 1)
        }
      }, progress: progress)
    return TextLosses(losses: losses, contexts: contexts)
  }
}
