import Analysis
import RunData

extension ScaleSource {
  /// The scales of a run that was read with its snapshots; of all of them, or as they were at a step.
  public init(_ run: RecordedRun, title: String = "", step: Int? = nil) {
    let schedule = LearningRateSchedule.configured(run.manifest)
    self.init(title: title, origin: .run(run, snapshots: run.snapshots, schedule: schedule), step: step)
  }
}
