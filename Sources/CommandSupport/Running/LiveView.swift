import Analysis
import CommandOptions
import Corpus
import Experiments
import RunData
import Training

/// What a person sees while runs are made: on a terminal a table that is drawn again, elsewhere a line now and then.
package final class LiveView {
  private let console: Console
  private let runCount: Int
  private let operation: String
  private let statistic: GradientStatistic
  private let selection: LayerSelection

  private var columns: [Column] = []
  private var drawnLines = 0
  private var lastDrawn: ContinuousClock.Instant?
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var stepsInAll = 0
  private var stepsDone = 0

  /// One run's latest numbers.
  private struct Column {
    package let title: String
    package let stepCount: Int
    package let tokensPerStep: Int
    package var series: LayerSeries?
    package let layout: GradientLayout
    package var step = -1
    package var loss = Double.nan
    package var secondsPerStep = 0.0
    package var validationLoss: Double?
  }

  package init(
    console: Console, runCount: Int, stepsInAll: Int, operation: String, statistic: GradientStatistic,
    selection: LayerSelection
  ) {
    self.console = console
    self.runCount = runCount
    self.stepsInAll = stepsInAll
    self.operation = operation
    self.statistic = statistic
    self.selection = selection
    start = clock.now
  }

  /// - Parameter step: the first step that will be made.
  package func start(_ run: PlannedRun, at step: Int = 0) {
    stepsInAll -= step
    // The runs of one seed stand side by side; the next seed starts a new table.
    if columns.contains(where: { $0.title == run.manifest.architecture }) { columns = [] }
    columns.append(
      Column(
        title: run.manifest.architecture, stepCount: run.training.stepCount,
        tokensPerStep: run.training.batch.tokensPerStep,
        series: LayerSeries(manifest: run.manifest, operation: operation, statistic: statistic),
        layout: run.manifest.gradients))
    refresh(isForced: true)
  }

  package func update(_ record: StepRecord) {
    guard let layout = columns.last?.layout else { return }
    columns[columns.count - 1].series?.append(record, segment: 0, layout: layout)
    update(step: record.step, loss: record.loss, seconds: record.seconds)
  }

  package func update(step: Int, loss: Double, seconds: Double) {
    guard !columns.isEmpty else { return }
    let index = columns.count - 1
    columns[index].step = step
    columns[index].loss = loss
    let before = columns[index].secondsPerStep
    columns[index].secondsPerStep = before == 0 ? seconds : 0.95 * before + 0.05 * seconds
    stepsDone += 1
    refresh(isForced: false)
  }

  package func validated(_ record: ValidationRecord) {
    guard !columns.isEmpty else { return }
    columns[columns.count - 1].validationLoss = record.loss
  }

  /// The run is over, perhaps before its last step; its numbers stay in view.
  package func end() {
    if let column = columns.last { stepsInAll -= max(0, column.stepCount - column.step - 1) }
    refresh(isForced: true)
  }

  /// Leaves the terminal as it is, the cursor below.
  package func close() {
    drawnLines = 0
    lastDrawn = nil
  }

  private func refresh(isForced: Bool) {
    guard !console.isQuiet else { return }
    let now = clock.now
    let pause: Duration = console.isTerminal ? .milliseconds(200) : .seconds(10)
    if let lastDrawn, lastDrawn.duration(to: now) < pause, !(isForced && console.isTerminal) { return }
    lastDrawn = now
    if console.isTerminal {
      // A line that wraps would be drawn over in the wrong place.
      let width = console.progressWidth ?? .max
      let lines = table(width: width).map { String($0.prefix(width)) }
      // Up to where the last drawing began, then each line anew.
      let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
      console.draw(up + lines.map { "\u{1B}[2K\($0)\n" }.joined() + "\u{1B}[J")
      drawnLines = lines.count
    } else if let column = columns.last, column.step >= 0 {
      console.progress(
        "\(column.title): step \(column.step + 1) of \(column.stepCount), loss "
          + "\(fixed(column.loss, 3)), \(rate(column)) tokens/s, \(timeLeft) left")
    }
  }

  /// The numbers of the runs side by side: of the last ones, where a terminal of `terminalWidth` columns does not hold all.
  private func table(width terminalWidth: Int) -> [String] {
    let nameWidth = 22
    let width = max(12, (columns.map(\.title.count).max() ?? 0) + 2)
    let columns = columns.suffix(max(1, (terminalWidth - nameWidth) / width))
    func line(_ name: String, _ cells: [String]) -> String {
      pad(name, nameWidth, left: true) + cells.map { pad($0, width, left: false) }.joined()
    }
    let layerCount = columns.map(\.layout.layerCount).max() ?? 0
    let shown = (try? selection.layers(of: layerCount)) ?? []
    let layerLines = shown.map { layer in
      line(
        "layer \(layer)",
        columns.map { column in
          let latest = column.series?.latest ?? []
          return layer < latest.count ? significant(latest[layer]) : "-"
        })
    }
    return [line("\(statistic.rawValue) \(operation)", columns.map(\.title))] + layerLines + [
      line("loss, nats/token", columns.map { fixed($0.loss, 3) }),
      line("step", columns.map { "\($0.step + 1)/\($0.stepCount)" }),
      line("tokens/s", columns.map { rate($0) }),
      "\(timeLeft) left",
    ]
  }

  private func rate(_ column: Column) -> String {
    column.secondsPerStep > 0 ? String(Int(Double(column.tokensPerStep) / column.secondsPerStep)) : "-"
  }

  private var timeLeft: String {
    guard stepsDone > 0 else { return "…" }
    let elapsed = start.duration(to: clock.now) / .seconds(1)
    let seconds = Int(elapsed / Double(stepsDone) * Double(max(0, stepsInAll - stepsDone)))
    return seconds < 100 ? "\(seconds) s" : seconds < 6000 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
  }

  private func pad(_ text: String, _ width: Int, left: Bool) -> String {
    let fill = String(repeating: " ", count: max(0, width - text.count))
    return left ? text + fill : fill + text
  }

  private func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "-" : "\(value)" }
    let scale = (0..<digits).reduce(1.0) { product, _ in product * 10 }
    let whole = (value * scale).rounded() / scale
    let text = "\(whole)"
    let decimals = text.split(separator: ".").last?.count ?? 0
    return text.contains("e") ? text : text + String(repeating: "0", count: max(0, digits - decimals))
  }

  private func significant(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    let digits = value.magnitude >= 1000 ? 0 : value.magnitude >= 10 ? 1 : value.magnitude >= 0.1 ? 3 : 6
    return value.magnitude < 1e-4 ? "\(Float(value))" : fixed(value, digits)
  }
}
