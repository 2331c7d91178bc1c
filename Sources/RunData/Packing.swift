/// How the file of a finished run was packed.
public struct Packing: Equatable, Sendable {
  /// Steps of a stretch of which one row is kept, with the smallest and largest value of each number; 1 where every
  /// row is.
  public var every: Int
  /// Steps that were recorded.
  public var recordedSteps: Int

  /// Whether rows were left out.
  public var isThinned: Bool { every > 1 }

  /// Creates a description.
  public init(every: Int, recordedSteps: Int) {
    self.every = every
    self.recordedSteps = recordedSteps
  }
}
