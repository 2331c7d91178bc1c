import Architecture
import Checkpoints
import Corpus
import Foundation
import Kernels
import RunData
import Training
import Transformer

/// Keeps a run's checkpoints in a folder beside its run file, and finds the one to go on from.
struct CheckpointKeeper {
  let run: PlannedRun
  let folder: TrainingCheckpointFolder
  /// Checkpoints that stay; 0 makes none.
  let keeping: Int
  /// Whether the last weights are kept too.
  let keepsLast: Bool

  init(run: PlannedRun, runFile: String, keeping: Int, keepsLast: Bool) {
    self.run = run
    let stem = runFile.hasSuffix(".h5") ? String(runFile.dropLast(3)) : runFile
    folder = TrainingCheckpointFolder(path: stem + ".checkpoints")
    self.keeping = keeping
    self.keepsLast = keepsLast
  }

  /// Whether a checkpoint after so many updates is wanted.
  func isWanted(updates: Int) -> Bool {
    let isLast = updates == run.training.stepCount
    let isOnTheWay = run.training.recording.checkpointInterval.map { updates % $0 == 0 } ?? false
    return keeping > 0 && (!isLast || keepsLast || isOnTheWay)
  }

  /// Writes a checkpoint of weights and optimizer.
  func save(_ trainer: Trainer<Float>, updates: Int) throws {
    let model = trainer.model
    var metadata = run.model.checkpointMetadata
    metadata[CheckpointMetadataKey.sequenceLength] = String(run.context)
    let encoder = JSONEncoder()
    // One order of keys: equal states are equal bytes.
    encoder.outputFormatting = .sortedKeys
    let trainerState = String(decoding: try encoder.encode(trainer.state), as: UTF8.self)
    var weights: [OutputTensor] = []
    var state: [OutputTensor] = []
    for (index, parameter) in model.table.parameters.enumerated() {
      let name = parameter.fullName
      let moments = trainer.optimizer.moments(parameter)
      weights.append(
        OutputTensor(name, shape: parameter.spec.shape, float: { model.parameter(index).array() }))
      for (index, moment) in moments.enumerated() {
        state.append(
          OutputTensor(
            TrainingCheckpoint.momentName(index, of: name), shape: parameter.spec.shape,
            float: { moment.array() }))
      }
    }
    try folder.save(
      TrainingCheckpoint.Facts(
        runID: run.manifest.runID, step: updates, optimizerUpdates: trainer.optimizer.updateCount,
        trainerState: trainerState, provenance: provenance),
      architecture: metadata, weights: weights, state: state, keeping: keeping)
  }

  /// Puts the newest usable checkpoint into a trainer.
  ///
  /// - Parameters:
  ///   - isCovered: whether everything before a step is recorded; a checkpoint of a later step would leave a gap.
  ///   - warn: told of checkpoints that cannot be used.
  /// - Returns: the step to go on from; nil where no checkpoint can be used, and the model must start anew.
  func restore(
    into trainer: Trainer<Float>, where isCovered: (Int) -> Bool, warn: (String) -> Void
  ) -> Int? {
    for step in folder.steps.reversed() where isCovered(step) {
      do {
        let checkpoint = try folder.checkpoint(step: step)
        guard run.hasID(checkpoint.facts.runID) else {
          warn("\(checkpoint.weights.path) is of another run (\(checkpoint.facts.runID)) and left alone")
          continue
        }
        try load(checkpoint, into: trainer)
        return step
      } catch {
        warn("\(error); going back to an earlier checkpoint, or to the start")
      }
    }
    return nil
  }

  private func load(_ checkpoint: TrainingCheckpoint, into trainer: Trainer<Float>) throws {
    let model = trainer.model
    for (index, parameter) in model.table.parameters.enumerated() {
      let name = parameter.fullName
      let moments = trainer.optimizer.moments(parameter)
      let states = moments.enumerated().map { index, moment in
        (moment, checkpoint.state, TrainingCheckpoint.momentName(index, of: name))
      }
      for (row, file, name) in [(model.parameter(index), checkpoint.weights, name)] + states {
        guard let tensor = file[name], tensor.shape == parameter.spec.shape else {
          throw CheckpointError(
            path: file.path, problem: "has no \(name) of the shape \(parameter.spec.shape)")
        }
        row.assign(try file.checkedFloats(of: tensor))
      }
    }
    trainer.optimizer.resume(afterUpdates: checkpoint.facts.optimizerUpdates)
    // A checkpoint of before there was such a state is of a run that needs none.
    if let text = checkpoint.facts.trainerState {
      guard let state = try? JSONDecoder().decode(TrainerState.self, from: Data(text.utf8)) else {
        throw CheckpointError(
          path: checkpoint.state.path, problem: "states a trainer_state that cannot be read")
      }
      trainer.state = state
    }
  }

  private var provenance: [String: String] {
    let manifest = run.manifest
    return [
      "run_architecture": manifest.architecture, "configuration": manifest.configurationJSON,
      "seed": String(manifest.seed), "corpus_sha256": manifest.corpus.sha256,
      "program": manifest.machine.program, "blas": manifest.machine.blas, "cpu": manifest.machine.cpu,
      "threads": String(manifest.machine.threads),
    ]
  }
}
