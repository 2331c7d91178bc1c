import Kernels

/// Tokens that a model reads, and what is asked of it at each.
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

/// Sequences that begin with the same tokens, such as the answers to one question: a model reads these once.
public struct SequenceGroup: Equatable, Sendable {
  /// What all begin with; empty where they have nothing in common, or one is alone.
  public let prefix: [Int32]
  /// What each goes on with.
  public let branches: [TokenSequence]

  /// How much room a group takes.
  public struct Size: Equatable, Sendable {
    /// Rows of a pass.
    public let rows: Int
    /// Tokens of its longest sequence.
    public let longest: Int

    /// Creates a size.
    public init(rows: Int, longest: Int) { (self.rows, self.longest) = (rows, longest) }
  }

  /// A sequence alone.
  public init(_ sequence: TokenSequence) { (prefix, branches) = ([], [sequence]) }

  /// Takes sequences apart at the first token that differs, or that something is asked at.
  /// - Precondition: there is one at least.
  public init(_ sequences: [TokenSequence]) {
    precondition(!sequences.isEmpty, "a group of no sequences")
    let first = sequences[0]
    let common = sequences.dropFirst().reduce(sequences.count == 1 ? 0 : Self.unasked(first)) {
      common, other in
      let limit = min(common, Self.unasked(other))
      return (0..<limit).first { other.inputs[$0] != first.inputs[$0] } ?? limit
    }
    prefix = Array(first.inputs.prefix(common))
    branches = sequences.map {
      TokenSequence(inputs: Array($0.inputs.dropFirst(common)), targets: Array($0.targets.dropFirst(common)))
    }
  }

  /// Tokens before the first that something is asked at; one stays at least.
  private static func unasked(_ sequence: TokenSequence) -> Int {
    sequence.targets.firstIndex { $0 >= 0 } ?? sequence.targets.count - 1
  }

  /// The room that it takes.
  public var size: Size {
    let lengths = branches.map(\.inputs.count)
    return Size(rows: prefix.count + lengths.reduce(0, +), longest: prefix.count + (lengths.max() ?? 0))
  }

  /// Where its tokens lie in a pass from a row on: the prefix's, where there is one, then each branch's.
  func rows(from start: Int) -> (prefix: [SequenceRows], branches: [SequenceRows]) {
    let shared = start..<start + prefix.count
    var end = shared.upperBound
    let own = branches.map { branch in
      defer { end += branch.inputs.count }
      return SequenceRows(rows: end..<end + branch.inputs.count, prefix: prefix.isEmpty ? 0..<0 : shared)
    }
    return (prefix.isEmpty ? [] : [SequenceRows(rows: shared)], own)
  }
}
