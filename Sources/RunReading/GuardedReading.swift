import Foundation
import Isolation
import RunData
import RunFile

/// Reading of run files that others may have damaged: in a child process, each library call under a watchdog.
public struct GuardedReading {
  private let guardian: ReadGuard
  /// The stack of layers that is shown of every run; nil for the deepest one.
  private let stack: String?
  private let warn: (String) -> Void

  /// Seconds that one library call may take: far more than any healthy file on a slow disk needs.
  private static func patience(_ paths: [String]) -> Double {
    let sizes = paths.map { path in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      return (attributes?[.size] as? NSNumber)?.doubleValue ?? 0
    }
    // A whole file at 20 MB/s, and a minute.
    return 60 + min(sizes.reduce(0, +) / 20e6, 1e6)
  }

  /// Runs `body` in a child process and passes on how that ended; in the child, runs it.
  ///
  /// - Parameters:
  ///   - paths: the run files that are read.
  ///   - stack: the stack of layers that is shown of each; nil for the deepest one.
  ///   - warn: told of damage that is read around, a sentence without its full stop.
  /// - Throws: what `body` throws, and in the parent ``RunReadingError`` where a file took the child down, or the child failed.
  public static func run(
    _ paths: [String], stack: String? = nil, warn: @escaping (String) -> Void,
    _ body: (GuardedReading) throws -> Void
  ) throws {
    if Supervisor.isChild { return try body(GuardedReading(paths, stack: stack, warn: warn)) }
    let outcome = try Supervisor.run()
    let name = paths.count == 1 ? paths[0] : "one of \(paths.joined(separator: ", "))"
    if let message = outcome.message(reading: name) { throw RunReadingError.failed(message) }
    if outcome.exitStatus != 0 { throw RunReadingError.ended(outcome.exitStatus) }
  }

  /// The child's side: reading in this process, each library call under a watchdog.
  public init(_ paths: [String], stack: String? = nil, warn: @escaping (String) -> Void) {
    guardian = ReadGuard(seconds: Self.patience(paths))
    self.stack = stack
    self.warn = warn
  }

  /// Opens a run file.
  public func open(_ path: String, warns: Bool = true) throws -> RunFileReader {
    let reader = try guardian.run { try RunFileReader(path: path) }
    if let stack { try reader.show(stack: stack) }
    if warns, !reader.isManifestIntact {
      warn("\(path): its attributes or coordinates are not as they were written; do not trust what they say")
    }
    return reader
  }

  /// Reads a run with some of its gradients; damaged rows are left out with a warning.
  public func read(
    _ reader: RunFileReader, tensors: [String], window: Range<Int>? = nil, outputs: Bool = false,
    parameters: Bool = false, warns: Bool = true
  ) throws -> RecordedRun {
    let before = reader.damagedRows
    let run = try guardian.run {
      try reader.read(tensors: tensors, window: window, outputs: outputs, parameters: parameters)
    }
    if warns { warnOfDamage(reader, since: before) }
    return run
  }

  /// Reads what a run's gradients tell of noise; nil where it has not recorded that.
  public func noise(_ reader: RunFileReader, tensors: [String]?, window: Range<Int>?) throws -> NoiseSeries? {
    try guardian.run { try reader.noise(tensors: tensors, window: window) }
  }

  /// Reads what a run's norms tell of noise at every step; nil where it has not recorded that.
  public func exampleNoise(_ reader: RunFileReader, window: Range<Int>?) throws -> NoiseSeries? {
    try guardian.run { try reader.exampleNoise(window: window) }
  }

  /// Compares everything in a run file with its checksums.
  public func verify(_ reader: RunFileReader) throws -> RunFileVerification {
    try guardian.run { try reader.verify() }
  }

  /// Makes a killed run's file whole again.
  public func repair(_ path: String) throws -> RunFileRepair.Report {
    try guardian.run { try RunFileRepair.repair(path: path) }
  }

  /// Packs a finished run's file.
  public func pack(_ packing: RunFilePacking) throws -> RunFilePacking.Report {
    try guardian.run { try packing.run() }
  }

  /// Reads the attempts that made a run.
  public func attempts(_ reader: RunFileReader) throws -> [RunAttempt] {
    try guardian.run { try reader.attempts() }
  }

  /// Reads the snapshots of a run's scales.
  public func scaleSnapshots(_ reader: RunFileReader) throws -> [ScaleSnapshot] {
    try guardian.run { try reader.scaleSnapshots() }
  }

  /// Reads a run's validation losses; damaged ones are left out with a warning.
  public func validationRecords(_ reader: RunFileReader, window: Range<Int>?) throws -> [ValidationRecord] {
    let before = reader.damagedRows
    let records = try guardian.run { try reader.validationRecords(in: window) }
    warnOfDamage(reader, since: before)
    return records
  }

  /// Reads what a run was evaluated to; damaged rows are left out with a warning.
  public func evaluationRecords(_ reader: RunFileReader, window: Range<Int>?) throws -> [EvaluationRecord] {
    let before = reader.damagedRows
    let records = try guardian.run { try reader.evaluationRecords(in: window) }
    warnOfDamage(reader, since: before)
    return records
  }

  /// The snapshots of a run's scales, one at a time; damaged ones are left out with a warning.
  public func forEachSnapshot(
    _ reader: RunFileReader, window: Range<Int>?, _ body: (ScaleSnapshot) throws -> Void
  ) throws {
    let before = reader.damagedRows
    for step in reader.snapshotSteps where window?.contains(step) ?? true {
      try guardian.run { try reader.scaleSnapshots(in: step..<step + 1) }.forEach(body)
    }
    warnOfDamage(reader, since: before)
  }

  /// Which of all recorded tensors and experts train when; damaged rows are left out with a warning, which reading the run does not repeat.
  public func trainingSurvey(_ reader: RunFileReader, window: Range<Int>? = nil) throws -> TrainingSurvey {
    var survey = TrainingSurvey(reader.recordedGradients)
    try forEachBlock(reader, of: survey.variables, window: window) { survey.add($0) }
    return survey
  }

  /// How large weights and updates are over a run's last steps; nil where they are not recorded, or of another stack than the
  /// deepest one. Damaged rows are left out without a word: other readings of the run say it.
  public func parameterMeans(_ reader: RunFileReader) throws -> ParameterMeans? {
    guard reader.manifest.gradients == reader.recordedGradients,
      var survey = ParameterSurvey(reader.manifest),
      let window = ParameterSurvey.window(of: reader.steps)
    else { return nil }
    try forEachBlock(reader, of: ParameterSurvey.variables, window: window) { survey.add($0) }
    return survey.means
  }

  /// How large operations' outputs are over some of a run's steps, and what heads of attention do; nil where that is not recorded, or
  /// no step lies in the window. Damaged rows are left out without a word, as of weights.
  public func outputSummary(_ reader: RunFileReader, window: Range<Int>?) throws -> OutputSummary? {
    guard var survey = OutputSurvey(reader.manifest), window != nil else { return nil }
    try forEachBlock(reader, of: survey.variables, window: window) { survey.add($0) }
    return survey.summary
  }

  /// The layout of a run without what never trains, in a window where one is given.
  public func trainedLayout(_ reader: RunFileReader, window: Range<Int>? = nil) throws -> GradientLayout {
    // The tensors of another stack than the deepest one lie outside of the grid.
    guard reader.manifest.gradients == reader.recordedGradients else { return reader.manifest.gradients }
    return reader.manifest.gradients.trained(try trainingSurvey(reader, window: window).untrained)
  }

  /// Looks at what was added to a growing file.
  public func refresh(_ reader: RunFileReader) throws { _ = try guardian.run { try reader.refresh() } }

  /// Consecutive blocks of steps, for as long as there are any; damaged rows are left out with a warning.
  public func forEachBlock(
    _ reader: RunFileReader, of names: [String], window: Range<Int>?, _ body: (StepBlock) throws -> Void
  ) throws {
    let before = reader.damagedRows
    let steps = reader.steps.filter { window?.contains($0) ?? true }
    for start in stride(from: 0, to: steps.count, by: 256) {
      let part = steps[start]..<steps[min(start + 256, steps.count) - 1] + 1
      var blocks: [StepBlock] = []
      try guardian.run { try reader.forEachBlock(of: names, window: part) { blocks.append($0) } }
      for block in blocks { try body(block) }
    }
    warnOfDamage(reader, since: before)
  }

  private func warnOfDamage(_ reader: RunFileReader, since before: [String: [Int]]) {
    for (table, rows) in reader.damagedRows.sorted(by: { $0.key < $1.key }) where rows != before[table] {
      let what =
        rows.count == 1 ? "1 damaged row of \(table) is" : "\(rows.count) damaged rows of \(table) are"
      warn("\(reader.path): \(what) left out; `nf-probe verify` shows which")
    }
  }
}
