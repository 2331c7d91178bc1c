import FileAccess
import FoundationEssentials

/// The checkpoints of one run: `step-00000500.safetensors` and `step-00000500.state.safetensors` in a folder.
///
/// One process at a time works on it; the lock of the run's file sees to that.
public struct TrainingCheckpointFolder: Sendable {
  /// The folder.
  public let path: String

  private static let prefix = "step-"
  private static let weightsSuffix = ".safetensors"
  private static let stateSuffix = ".state.safetensors"

  /// Names a folder; it need not exist.
  public init(path: String) {
    self.path = path
  }

  /// The weights' file of a step.
  public func weightsPath(step: Int) -> String { "\(path)/\(Self.stem(step))\(Self.weightsSuffix)" }

  /// The optimizer's file of a step.
  public func statePath(step: Int) -> String { "\(path)/\(Self.stem(step))\(Self.stateSuffix)" }

  /// Steps whose weights are there, ascending.
  public var steps: [Int] {
    names.compactMap { name in
      guard !name.hasSuffix(Self.stateSuffix) else { return nil }
      return Self.step(of: name, suffix: Self.weightsSuffix)
    }.sorted()
  }

  /// Writes a checkpoint, then removes the oldest beyond `keeping`.
  ///
  /// - Parameter keeping: checkpoints that stay, the new one included; nil keeps all. Later steps' are left alone.
  /// - Throws: where it cannot be written whole. Earlier checkpoints are then all there.
  public func save(
    _ facts: TrainingCheckpoint.Facts, architecture: [String: String], weights: [OutputTensor],
    state: [OutputTensor], keeping: Int? = nil
  ) throws(CheckpointError) {
    do { try makeFolder(path) } catch { throw CheckpointError(error) }
    removeLeftovers()
    try TrainingCheckpoint.write(
      facts, architecture: architecture, weights: weights, state: state,
      weightsPath: weightsPath(step: facts.step), statePath: statePath(step: facts.step))
    guard let keeping else { return }
    for step in steps.filter({ $0 <= facts.step }).dropLast(max(1, keeping)) { remove(step: step) }
  }

  /// Opens the checkpoint of a step.
  /// - Throws: where it is missing or damaged, or its two files do not belong together.
  public func checkpoint(step: Int) throws(CheckpointError) -> TrainingCheckpoint {
    let checkpoint = try TrainingCheckpoint(
      weightsPath: weightsPath(step: step), statePath: statePath(step: step))
    guard checkpoint.facts.step == step else {
      throw CheckpointError(
        path: weightsPath(step: step),
        problem: "is of step \(checkpoint.facts.step), not of the step in its name")
    }
    return checkpoint
  }

  /// Removes a checkpoint that nobody can use any more.
  public func remove(step: Int) {
    // The weights first: a checkpoint without them does not count.
    try? FileManager.default.removeItem(atPath: weightsPath(step: step))
    try? FileManager.default.removeItem(atPath: statePath(step: step))
  }

  /// Removes what a killed writer left behind: unfinished files, and states without their weights.
  private func removeLeftovers() {
    let complete = Set(steps)
    for name in names {
      let isUnfinished = name.hasPrefix(Self.prefix) && name.contains("\(Self.weightsSuffix).tmp-")
      let isWidow = Self.step(of: name, suffix: Self.stateSuffix).map { !complete.contains($0) } ?? false
      if isUnfinished || isWidow { try? FileManager.default.removeItem(atPath: "\(path)/\(name)") }
    }
  }

  private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

  private static func stem(_ step: Int) -> String {
    let digits = String(step)
    return prefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  private static func step(of name: String, suffix: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
    guard let step = Int(digits), name == stem(step) + suffix else { return nil }
    return step
  }
}
