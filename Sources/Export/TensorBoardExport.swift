import Analysis
import Foundation
import RunData
import RunFile
import RunReading
import TensorBoard

/// A run as an event file of TensorBoard.
///
/// An event's wall time is the run's start and the seconds that its steps took so far, so equal runs give equal bytes.
public struct TensorBoardExport {
  private let reading: GuardedReading
  private let reader: RunFileReader
  private let selection: ExportSelection
  /// When the run began, in seconds since 1970; 0 where the file does not say.
  public let start: Double

  /// Exports what `selection` says of a run.
  public init(reading: GuardedReading, reader: RunFileReader, selection: ExportSelection) {
    self.reading = reading
    self.reader = reader
    self.selection = selection
    let startedAt = try? Date(reader.manifest.startedAt, strategy: .iso8601)
    start = startedAt?.timeIntervalSince1970 ?? 0
  }

  /// What is exported unless something else is asked for.
  public static func defaultStatistics(of reader: RunFileReader) -> [String] {
    let wanted = [
      "loss", "learning_rate", "gradient_l2", "clip_coefficient", "loss_scale", "gradient_l1",
      "stem_gradient_l1",
    ]
    let names = reader.stepVariables.map(\.name)
    let evaluations = reader.manifest.evaluations.isEmpty ? [] : ExportSelection.evaluations
    return wanted.filter(names.contains) + [ExportSelection.validationLoss] + evaluations
  }

  /// As TensorFlow names them, with the run's start and id for the host, so that one run has one name.
  public var fileName: String {
    let seconds = String(Int(start))
    let padding = String(repeating: "0", count: max(0, 10 - seconds.count))
    return "events.out.tfevents.\(padding)\(seconds).nf-probe.\(reader.manifest.runID)"
  }

  /// Writes all events in the order of time.
  public func write(to stream: ExportStream) throws {
    TFRecord.append(ScalarEvent.fileVersion(wallTime: start), to: &stream.pending)
    var between = UpdateEvents(
      validations: selection.hasValidation
        ? try reading.validationRecords(reader, window: selection.window) : [],
      evaluations: selection.evaluationNames.isEmpty
        ? [] : try reading.evaluationRecords(reader, window: selection.window),
      snapshots: selection.hasScales
        ? reader.snapshotSteps.filter { selection.window?.contains($0) ?? true } : [],
      tags: ScaleTags(reader.manifest))
    var seconds = try secondsBeforeWindow()
    let columns = selection.variables.flatMap { ScalarColumn.columns(of: $0, reader) }
    let missing = MissingNumbers(columns.map(\.variable))
    let names = columns.map(\.variable.name) + missing.names + ["seconds"]
    try reading.forEachBlock(reader, of: names, window: selection.window) { block in
      let counts = columns.indices.map { missing.counts(ofVariable: $0, in: block) }
      for (index, step) in block.steps.enumerated() {
        try writeUpdates(&between, upTo: step, wallTime: start + seconds, to: stream)
        let duration = block.values[names.count - 1][index]
        seconds += duration.isFinite ? duration : 0
        var event = ScalarEvent()
        for (place, column) in columns.enumerated() {
          column.append(to: &event, block.values[place], counts: counts[place], index: index)
        }
        append(event, step: step, wallTime: start + seconds, to: stream)
        try stream.flushIfLarge()
      }
    }
    try writeUpdates(&between, upTo: .max, wallTime: start + seconds, to: stream)
  }

  /// The window does not change when its steps were made.
  private func secondsBeforeWindow() throws -> Double {
    guard let lower = selection.window?.lowerBound, lower > 0 else { return 0 }
    var sum = 0.0
    try reading.forEachBlock(reader, of: ["seconds"], window: 0..<lower) { block in
      sum = block.values[0].reduce(sum) { $0 + ($1.isFinite ? $1 : 0) }
    }
    return sum
  }

  /// Writes what was measured between two steps, after at most `limit` updates.
  private func writeUpdates(
    _ events: inout UpdateEvents, upTo limit: Int, wallTime: Double, to stream: ExportStream
  ) throws {
    while let (step, content) = events.next(upTo: limit) {
      var event = ScalarEvent()
      switch content {
      case .validation(let loss): event.append(UpdateEvents.validationTag, loss)
      case .evaluation(let record): append(record, to: &event)
      case .snapshot:
        try reading.forEachSnapshot(reader, window: step..<step + 1) { snapshot in
          events.tags.append(medians: snapshot, of: reader.manifest, to: &event)
        }
      }
      append(event, step: step, wallTime: wallTime, to: stream)
      try stream.flushIfLarge()
    }
  }

  private func append(_ record: EvaluationRecord, to event: inout ScalarEvent) {
    for (index, layout) in reader.manifest.evaluations.enumerated() {
      event.append(ScalarTag("evaluation/loss/\(layout.name)"), record.losses[index])
      if layout.isTask {
        event.append(ScalarTag("evaluation/accuracy/\(layout.name)"), record.accuracies[index])
      }
    }
  }

  private func append(_ event: ScalarEvent, step: Int, wallTime: Double, to stream: ExportStream) {
    guard !event.isEmpty else { return }
    TFRecord.append(event.encoded(step: step, wallTime: wallTime), to: &stream.pending)
  }
}

/// What is measured between steps, by the updates made before it.
private struct UpdateEvents {
  enum Content { case validation(Double), evaluation(EvaluationRecord), snapshot }

  static let validationTag = ScalarTag("loss/validation")
  let tags: ScaleTags
  private var waiting: [(step: Int, content: Content)]

  init(
    validations: [ValidationRecord], evaluations: [EvaluationRecord], snapshots: [Int], tags: ScaleTags
  ) {
    self.tags = tags
    let all =
      validations.map { ($0.step, Content.validation($0.loss)) }
      + evaluations.map { ($0.step, Content.evaluation($0)) } + snapshots.map { ($0, Content.snapshot) }
    // The last first, so that taking one is cheap.
    waiting = all.sorted { $0.0 > $1.0 }
  }

  /// Takes the next one that was measured after at most `limit` updates.
  mutating func next(upTo limit: Int) -> (step: Int, content: Content)? {
    guard let last = waiting.last, last.step <= limit else { return nil }
    return waiting.popLast()
  }
}
