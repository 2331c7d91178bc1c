/// A run's state between two steps, kept as two safetensors files: the weights under fairseq's names, which are of use to
/// anybody, and beside them what only the run itself needs to go on.
///
/// Both carry checksums. The weights' file is written last: once it has its name, the checkpoint is whole.
public struct TrainingCheckpoint: Sendable {
  /// What a checkpoint says of itself.
  public struct Facts: Equatable, Sendable {
    /// The run that it belongs to.
    public var runID: String
    /// Steps made, which is the next step's number.
    public var step: Int
    /// Updates that the optimizer made; fewer than the steps where steps were left out.
    public var optimizerUpdates: Int
    /// What the trainer knew beside weights and moments, as it wrote it down; nil where it did not.
    public var trainerState: String?
    /// Whatever else is worth keeping: program, processor, threads, configuration.
    public var provenance: [String: String]

    /// Creates facts.
    public init(
      runID: String, step: Int, optimizerUpdates: Int, trainerState: String? = nil,
      provenance: [String: String] = [:]
    ) {
      self.runID = runID
      self.step = step
      self.optimizerUpdates = optimizerUpdates
      self.trainerState = trainerState
      self.provenance = provenance
    }
  }

  /// What the checkpoint says of itself.
  public let facts: Facts
  /// The weights.
  public let weights: Checkpoint
  /// The optimizer's moments.
  public let state: Checkpoint

  /// The tensor that holds a moment of a parameter: `first_moment.decoder.…`, `second_moment.decoder.…`.
  public static func momentName(_ index: Int, of parameter: String) -> String {
    "\(index == 0 ? "first" : "second")_moment.\(parameter)"
  }

  private enum Key {
    static let runID = "run_id"
    static let step = "step"
    static let optimizerUpdates = "optimizer_updates"
    static let trainerState = "trainer_state"
  }

  /// Opens both files of a checkpoint and compares what they say of themselves with each other and with their
  /// checksums. Tensors are compared when they are read.
  /// - Throws: where a file is missing, damaged or of another checkpoint.
  init(weightsPath: String, statePath: String) throws(CheckpointError) {
    weights = try Checkpoint(path: weightsPath)
    state = try Checkpoint(path: statePath)
    for file in [weights, state] {
      guard file.hasChecksums else {
        throw CheckpointError(
          path: file.path, problem: "has no checksums: it is damaged, or no checkpoint of a run")
      }
      try file.checkHeader()
    }
    facts = try Self.facts(weights)
    guard try Self.facts(state) == facts else {
      throw CheckpointError(
        path: statePath, problem: "is of another moment or run than \(weightsPath) beside it")
    }
  }

  private static func facts(_ file: Checkpoint) throws(CheckpointError) -> Facts {
    func number(_ key: String) throws(CheckpointError) -> Int {
      guard let value = file.metadata[key].flatMap({ Int($0) }), value >= 0 else {
        throw CheckpointError(
          path: file.path, problem: "does not state its \(key): it is no checkpoint of a run")
      }
      return value
    }
    guard let runID = file.metadata[Key.runID] else {
      throw CheckpointError(path: file.path, problem: "does not state its run: it is no checkpoint of a run")
    }
    return Facts(
      runID: runID, step: try number(Key.step), optimizerUpdates: try number(Key.optimizerUpdates),
      trainerState: file.metadata[Key.trainerState])
  }

  /// Writes both files; each appears whole or not at all.
  /// - Throws: where a file cannot be written whole; what had its name before is then as it was.
  static func write(
    _ facts: Facts, architecture: [String: String], weights: [OutputTensor], state: [OutputTensor],
    weightsPath: String, statePath: String
  ) throws(CheckpointError) {
    var own = [
      Key.runID: facts.runID, Key.step: String(facts.step),
      Key.optimizerUpdates: String(facts.optimizerUpdates),
    ]
    own[Key.trainerState] = facts.trainerState
    let metadata = facts.provenance.merging(own) { $1 }
    try SafetensorsWriter.write(state, metadata: metadata, to: statePath, checksummed: true, replacing: true)
    try SafetensorsWriter.write(
      weights, metadata: metadata.merging(architecture) { $1 }, to: weightsPath, checksummed: true,
      replacing: true)
  }
}
