import Kernels
import Transformer

/// Passes sequences of unequal lengths through a model, forward alone, several at a time.
public struct Evaluator {
  /// The model, with its weights.
  public let model: Model<Float>

  /// Rows of a pass: enough that matrix products are at their best rate, few enough to stay near the processor.
  static let usualRows = 2048

  /// Takes a model; its shape bounds the length of a sequence and the rows of a pass.
  public init(_ model: Model<Float>) { self.model = model }

  /// A shape that takes these groups of sequences.
  /// - Precondition: there is one at least.
  public static func shape(of groups: some Collection<SequenceGroup.Size>) -> PassShape {
    let longest = groups.map(\.longest).max() ?? 1
    func batch(rows: Int) -> Int { (rows + longest - 1) / longest }
    let needed = batch(rows: groups.reduce(0) { $0 + $1.rows })
    let largest = batch(rows: groups.map(\.rows).max() ?? 1)
    return PassShape(
      batchSize: max(largest, min(usualRows / longest, needed)), sequenceLength: longest)
  }

  /// Computes the losses of some sequences.
  ///
  /// - Parameters:
  ///   - sizes: what each group of sequences takes.
  ///   - group: makes the group of a place.
  ///   - each: gets a group's place, a sequence's place in it, and the model's answers to the targets that were asked for, in order.
  ///   - progress: called after each pass with the share that is done; what it throws ends the evaluation.
  public func evaluate(
    sizes: [SequenceGroup.Size], group: (Int) -> SequenceGroup,
    each: (_ group: Int, _ branch: Int, [TargetAnswer]) -> Void,
    progress: (Double) throws -> Void
  ) rethrows {
    let total = Double(sizes.reduce(0) { $0 + $1.rows })
    var done = 0
    for places in Packing(lengths: sizes.map(\.rows), rows: model.shape.rows).passes {
      var pass = PackedPass()
      let groups = places.map(group)
      let branches = groups.map { pass.append($0) }
      let answers = model.answers(tokens: pass.tokens, targets: pass.targets, sequences: pass.sequences)
      for (place, own) in zip(places, branches) {
        for (branch, rows) in own.enumerated() {
          each(place, branch, rows.filter { pass.targets[$0] >= 0 }.map { answers[$0] })
        }
      }
      done += pass.tokens.count
      try progress(Double(done) / total)
    }
  }
}

/// Groups of sequences back to back.
private struct PackedPass {
  private(set) var tokens: [Int32] = []
  private(set) var targets: [Int32] = []
  private(set) var sequences: [SequenceRows] = []

  /// Puts a group behind the others, and returns the rows of its branches.
  mutating func append(_ group: SequenceGroup) -> [Range<Int>] {
    let (prefix, branches) = group.rows(from: tokens.count)
    sequences += prefix + branches
    tokens += group.prefix + group.branches.flatMap(\.inputs)
    targets += group.prefix.map { _ in TokenSequence.notAsked } + group.branches.flatMap(\.targets)
    return branches.map(\.rows)
  }
}
