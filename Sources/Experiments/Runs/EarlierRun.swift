import Foundation
import RunData
import RunFile
import Training

/// What earlier attempts left of a run that is to go on.
struct EarlierRun {
  /// How the run ended, where nothing is left to do.
  let end: TrainingEnd?
  private let schedule: RecordingSchedule
  private let lastRecordedStep: Int

  /// Makes the run's file whole, and reads how far the run got.
  ///
  /// - Returns: nil where there is no file: the run was not begun.
  /// - Throws: where the file is damaged, being written, or of another run.
  init?(path: String, run: PlannedRun, host: any RunHost) throws {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    try host.makeWhole(path)
    let reader = try RunFileReader(path: path)
    guard run.hasID(reader.manifest.runID) else {
      throw ExperimentError.refused(Self.difference(reader.manifest, run.manifest, path))
    }
    schedule = run.training.recording.schedule
    lastRecordedStep = reader.steps.last ?? -1
    switch reader.status.value {
    case .finished, .overflow, .diverged, .lossScaleExhausted: end = .finished
    case .nonfinite:
      host.warn("\(run.manifest.architecture) had ended because its numbers were not finite any more")
      end = .nonfinite(
        NonfiniteReport(step: lastRecordedStep, loss: .nan, operation: nil, tensor: nil))
    case .running, .interrupted, .failed:
      end = nil
      Self.warnOfChanges(reader.manifest.machine, run.manifest.machine, host)
    }
  }

  /// Whether every step before `step` that the schedule includes is recorded.
  func covers(step: Int) -> Bool {
    let lastDue = stride(from: step - 1, through: 0, by: -1).first { schedule.includes(step: $0) }
    return lastDue ?? -1 <= lastRecordedStep
  }

  private static func difference(_ old: RunManifest, _ new: RunManifest, _ path: String) -> SettingMessage {
    "\(setting: "resume"): \(path) is of another run: \(RunDifference.changes(from: old, to: new).joined(separator: "; "))"
  }

  private static func warnOfChanges(_ old: MachineFacts, _ new: MachineFacts, _ host: any RunHost) {
    let changes = RunDifference.changes(from: old, to: new)
    guard !changes.isEmpty else { return }
    host.warn(
      "goes on elsewhere than it began, and may differ from an uninterrupted run in its last bits: "
        + changes.joined(separator: "; "))
  }
}
