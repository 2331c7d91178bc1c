import Kernels
import Transformer

/// Tokens that a model reads at once, and what is asked of it at each.
public struct TokenSequence: Equatable, Sendable {
  /// What it reads.
  public var inputs: [Int32]
  /// What follows each; ``notAsked`` where nobody asks.
  public var targets: [Int32]

  /// The target of a position that no loss is taken at.
  public static let notAsked: Int32 = -1

  /// Creates a sequence of as many inputs as targets.
  public init(inputs: [Int32], targets: [Int32]) {
    precondition(inputs.count == targets.count && !inputs.isEmpty)
    self.inputs = inputs
    self.targets = targets
  }
}

/// Passes sequences of unequal lengths through a model, forward alone, several at a time.
public struct Evaluator {
  /// The model, with its weights.
  public let model: Model<Float>

  /// Rows of a pass: enough that matrix products are at their best rate, few enough to stay near the processor.
  private static let usualRows = 2048

  /// Takes a model; its shape bounds the length of a sequence and the rows of a pass.
  public init(_ model: Model<Float>) { self.model = model }

  /// A shape that takes these sequences.
  /// - Precondition: there is one at least.
  public static func shape(ofSequences lengths: some Collection<Int>) -> PassShape {
    let longest = lengths.max() ?? 1
    let needed = (lengths.reduce(0, +) + longest - 1) / longest
    return PassShape(batchSize: max(1, min(usualRows / longest, needed)), sequenceLength: longest)
  }

  /// Computes the losses of some sequences.
  ///
  /// - Parameters:
  ///   - sequence: makes the sequence of a place; its length is that place's of `lengths`.
  ///   - each: gets a sequence's place, the sequence, and the model's answer to each target.
  ///   - progress: called after each pass with the share that is done; what it throws ends the evaluation.
  public func evaluate(
    lengths: [Int], sequence: (Int) -> TokenSequence,
    each: (Int, TokenSequence, ArraySlice<TargetAnswer>) -> Void,
    progress: (Double) throws -> Void
  ) rethrows {
    let total = Double(lengths.reduce(0, +))
    var done = 0
    for pass in Packing(lengths: lengths, rows: model.shape.rows).passes {
      let sequences = pass.map(sequence)
      let answers = model.answers(
        tokens: sequences.flatMap(\.inputs), targets: sequences.flatMap(\.targets),
        lengths: sequences.map(\.inputs.count))
      var start = 0
      for (index, sequence) in zip(pass, sequences) {
        let end = start + sequence.inputs.count
        each(index, sequence, answers[start..<end])
        start = end
      }
      done += start
      try progress(Double(done) / total)
    }
  }
}
