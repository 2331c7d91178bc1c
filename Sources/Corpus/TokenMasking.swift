import Randomness

/// Masked language modelling as in BERT: each position is selected with probability 0.15; a selected one becomes the
/// mask token with probability 0.8, a uniformly random token with 0.1, and stays with 0.1. The loss runs over the
/// selected positions.
///
/// Devlin, Chang, Lee, Toutanova: "BERT: Pre-training of Deep Bidirectional Transformers" (NAACL 2019), section 3.1.
public struct TokenMasking: Sendable {
  /// Share of the positions that are predicted.
  public static let selectedShare = 0.15
  private static let maskShare = 0.8
  private static let randomShare = 0.1

  /// The id that stands for a hidden token: one past the corpus's vocabulary, so that it means no token of the text.
  public var maskToken: Int32 { Int32(vocabularySize) }

  private let vocabularySize: Int
  private let selection: Philox
  private let replacement: Philox

  /// Creates the masking of a seed.
  public init(vocabularySize: Int, seed: UInt64) {
    self.vocabularySize = vocabularySize
    selection = Philox(seed: seed, stream: "mask.selection")
    replacement = Philox(seed: seed, stream: "mask.replacement")
  }

  /// Hides tokens of a batch whose targets are its inputs.
  func apply(to batch: inout TokenBatch, _ shape: BatchShape, step: Int, microBatch: Int) {
    let first = firstPosition(shape, step: step, microBatch: microBatch)
    var count = 0
    for index in batch.inputs.indices {
      if isSelected(first + UInt64(index)) {
        batch.inputs[index] = replaced(batch.inputs[index], at: first + UInt64(index))
        count += 1
      } else {
        batch.targets[index] = TokenBatch.ignoredTarget
      }
    }
    if count == 0, microBatch == 0, drawnCount(shape, step: step) == 0 {
      batch.targets[0] = batch.inputs[0]
      batch.inputs[0] = replaced(batch.inputs[0], at: first)
      count = 1
    }
    batch.targetCount = count
  }

  /// Selected positions of a global batch; never 0, so that its mean loss exists.
  func selectedCount(_ shape: BatchShape, step: Int) -> Int {
    // Where the draw selects nothing, the first position of the global batch is taken.
    max(1, drawnCount(shape, step: step))
  }

  private func drawnCount(_ shape: BatchShape, step: Int) -> Int {
    let first = firstPosition(shape, step: step, microBatch: 0)
    return (0..<UInt64(shape.tokensPerStep)).reduce(0) { $0 + (isSelected(first + $1) ? 1 : 0) }
  }

  private func firstPosition(_ shape: BatchShape, step: Int, microBatch: Int) -> UInt64 {
    UInt64(shape.firstRow(step: step, microBatch: microBatch)) * UInt64(shape.sequenceLength)
  }

  private func isSelected(_ position: UInt64) -> Bool {
    selection.uniform(at: position) < Self.selectedShare
  }

  private func replaced(_ token: Int32, at position: UInt64) -> Int32 {
    let choice = replacement.uniform(at: 2 * position)
    if choice < Self.maskShare { return maskToken }
    guard choice < Self.maskShare + Self.randomShare else { return token }
    return Int32(replacement.integer(below: vocabularySize, at: 2 * position + 1))
  }
}
