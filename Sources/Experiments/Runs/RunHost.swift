import Foundation
import Training

/// What runs need of the program that makes them: somebody to tell, and somebody who says when to stop.
package protocol RunHost: AnyObject {
  /// Whether to stop after the step that is being made.
  var shouldStop: Bool { get }

  /// From here on what was begun can be left in order: ``shouldStop`` counts.
  func attend()

  /// Makes the file of an earlier attempt whole, in a process of its own as always with files that others may have damaged.
  /// - Throws: where the run cannot go on with a file in this state.
  func makeWhole(_ path: String) throws

  /// Several runs will be made, with so many steps in all.
  func expects(runCount: Int, stepsInAll: Int)
  /// Something that takes so many floating-point operations will be made.
  func expects(operations: Double)
  /// A run begins, or goes on, with a step.
  func began(_ run: PlannedRun, at step: Int)
  /// A run's alerts are to be told from now on.
  /// - Throws: where a rule is of something that the run does not record.
  func watches(_ run: PlannedRun) throws
  /// Something happened, and is recorded already.
  func saw(_ event: TrainingEvent)
  /// The run is over, perhaps before its last step.
  func ended()
  /// What was shown so far stays; what comes next is shown below.
  func settle()

  /// A line of progress.
  func note(_ text: String)
  /// Something that somebody has to know.
  func warn(_ text: String)
}

extension RunHost {
  /// Waits a second, for other processes to come further; false where somebody stopped it.
  func rest() -> Bool {
    attend()
    for _ in 0..<20 where !shouldStop { Thread.sleep(forTimeInterval: 0.05) }
    return !shouldStop
  }
}
