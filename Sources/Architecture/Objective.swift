/// What a model predicts.
public enum Objective: String, Sendable, CaseIterable {
  /// The next token, at every position, seeing earlier ones.
  case causal
  /// The original token at masked positions, seeing both sides.
  case masked
}
