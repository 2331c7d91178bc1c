import Analysis
import CommandOptions
import Experiments
import Foundation
import Isolation
import RunData
import Training

/// The program as the host of its runs: a live view on standard error, and signals that stop them.
package final class ProgramHost: RunHost {
  private let console: Console
  private let operation: String
  private let statistic: GradientStatistic
  private let selection: LayerSelection
  private let kernelNotice = KernelNotice()
  private var view: LiveView?
  private var teller: AlertTeller?
  private var layout: GradientLayout?

  /// - Parameters:
  ///   - operation: the operation whose gradients are shown.
  ///   - statistic: what is shown of them.
  ///   - selection: the layers that are shown.
  package init(
    console: Console, operation: String = OperationChoice.usual, statistic: GradientStatistic = .l1,
    selection: LayerSelection = .paper
  ) {
    self.console = console
    self.operation = operation
    self.statistic = statistic
    self.selection = selection
  }

  package var shouldStop: Bool { StopSignal.isRequested }

  package func attend() { StopSignal.watch() }

  package func makeWhole(_ path: String) throws {
    for arguments in [["recover", "--quiet", path], ["verify", "--quiet", path]] {
      let outcome = try Supervisor.run(arguments: arguments)
      if let message = outcome.message(reading: path) { throw CommandError.failed(message) }
      guard outcome.exitStatus == 0 else {
        throw CommandError.failed("\(path): the run cannot go on with a file in this state")
      }
    }
  }

  package func expects(runCount: Int, stepsInAll: Int) {
    view = LiveView(
      console: console, runCount: runCount, stepsInAll: stepsInAll, operation: operation,
      statistic: statistic,
      selection: selection)
  }

  package func expects(operations: Double) { kernelNotice.begin(operations, warn: console.warn) }

  package func began(_ run: PlannedRun, at step: Int) { view?.start(run, at: step) }

  package func watches(_ run: PlannedRun) throws {
    layout = run.manifest.gradients
    teller =
      run.alerts.isEmpty
      ? nil
      : try AlertTeller(
        run.alerts, of: run.manifest, command: run.alertCommand,
        name: "\(run.manifest.architecture), seed \(run.manifest.seed)", console: console)
  }

  package func saw(_ event: TrainingEvent) {
    switch event {
    case .recorded(let record):
      view?.update(record)
      if let layout { teller?.look(at: record.numbers(of: layout)) }
    case .passed(let step, let loss, let seconds): view?.update(step: step, loss: loss, seconds: seconds)
    case .validated(let validation): view?.validated(validation)
    case .noise, .snapshot, .evaluated, .nonfinite, .checkpointDue: break
    }
  }

  package func ended() { view?.end() }

  package func settle() { view?.close() }

  package func note(_ text: String) { console.progress(text) }

  package func warn(_ text: String) { console.warn(text) }
}
