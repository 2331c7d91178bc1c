import Glibc
import HDF5
import RunData

/// Records one run in an HDF5 file that others can read meanwhile and that survives this process.
///
/// Steps wait in memory until they are due (see `interval`) or ``flush()`` is called; what was flushed outlives a
/// crash of the process, and of the machine. After a failed write the file is left as a killed process would leave
/// it, readable up to the last flush, and every later call throws the same error.
public final class RunFileWriter {
  /// The file.
  public let path: String
  /// The attempt that rows are recorded under, counted from 0.
  public let segment: Int

  private let schema: RunSchema
  private let machine: String
  private var tables: TableWriters?
  private var lock: WriterLock?
  private var pace: Pace
  private var lastStep = -1
  private var failure: RunFileError?
  /// What earlier attempts recorded; it is compared with what is made again.
  private var recorded = Recorded()

  private struct Recorded {
    var steps = RecordedRows.none
    var snapshots = RecordedRows.none
    var validations = RecordedRows.none
    var noises = RecordedRows.none
    var evaluations = RecordedRows.none
  }

  /// Creates a run file.
  ///
  /// The file appears under its name only when its schema is complete and on the disk.
  /// - Parameters:
  ///   - replacing: whether an existing file is replaced; without, it is an error.
  ///   - interval: how long a step may wait, in seconds, before it is flushed and readers see it. A step that
  ///     takes longer than that is flushed as soon as it is appended.
  /// - Throws: ``RunFileError``.
  public init(
    creating path: String, manifest: RunManifest, replacing: Bool = false, interval: Double = 2
  ) throws {
    self.path = path
    segment = 0
    schema = RunSchema(manifest)
    machine = manifest.machine.summary
    pace = Pace(interval: interval)
    if let obstacle = manifest.obstacle { throw RunFileError(.mismatch, path: path, obstacle) }
    FileSystem.reportFileSizeLimit()
    lock = try WriterLock(forRunFile: path, holder: Self.introduction(manifest))
    let creation = RunFileCreation(path: path, manifest: manifest, schema: schema, replacing: replacing)
    let file = try creation.run()
    do {
      tables = try TableWriters(schema, in: file)
    } catch {
      file.abandon()
      throw RunFileError(creating: path, error)
    }
    try record(.running, nextStep: 0)
    try flush()
  }

  /// Opens the closed file of an earlier attempt, to go on with its run.
  ///
  /// Steps that it has already may be appended once more: they are compared with what was recorded, bit for bit but for
  /// the wall-clock time, and not doubled. The rows that are new belong to the next segment.
  /// - Parameters:
  ///   - manifest: the run's, as it would be made now.
  ///   - firstStep: the first step that will be made.
  ///   - interval: as for a new file.
  /// - Throws: ``RunFileError``: also for a file of another run, or one that was not closed (see ``RunFileRepair``).
  public init(resuming path: String, manifest: RunManifest, firstStep: Int, interval: Double = 2) throws {
    self.path = path
    pace = Pace(interval: interval)
    machine = manifest.machine.summary
    FileSystem.reportFileSizeLimit()
    lock = try WriterLock(forRunFile: path, holder: Self.introduction(manifest))
    let earlier = try EarlierAttempts(path: path, manifest: manifest)
    schema = earlier.schema
    segment = earlier.segmentCount
    recorded = Recorded(
      steps: earlier.steps, snapshots: earlier.snapshots, validations: earlier.validations,
      noises: earlier.noises, evaluations: earlier.evaluations)
    do {
      let access = HDF5FileAccess(chunkCacheBytes: schema.chunkCacheBytes)
      let file = try HDF5File.openedDurably(path, mode: .writingWhileRead, access: access)
      do { tables = try TableWriters(schema, in: file, earlier) } catch {
        file.abandon()
        throw error
      }
    } catch {
      throw RunFileError(.writing, path: path, "cannot be opened for writing: \(RunFileError.cause(error))")
    }
    try record(.running, nextStep: firstStep)
    try flush()
  }

  /// Appends one step; steps must ascend.
  ///
  /// - Throws: ``RunFileError``: a record of another shape, a step that differs from the same one of an earlier
  ///   attempt, or a file that can no longer be written.
  public func append(_ record: StepRecord) throws {
    let tables = try usableTables()
    guard record.step > lastStep else {
      throw RunFileError(.mismatch, path: path, "step \(record.step) cannot follow step \(lastStep)")
    }
    let row = schema.stepGroups.row(StepRow(record: record, segment: segment))
    lastStep = record.step
    guard try isNew("step", record.step, row, tables.steps, recorded.steps) else { return }
    try take(tables.steps.append(marker: record.step, row))
    if pace.isDue(afterAppending: tables.steps.waitingBytes) { try flush() }
  }

  /// Appends a snapshot of the scales, and flushes.
  ///
  /// - Throws: ``RunFileError``: a snapshot of another shape, or a file that can no longer be written.
  public func append(_ snapshot: ScaleSnapshot) throws {
    guard let snapshots = try usableTables().snapshots else {
      throw RunFileError(.mismatch, path: path, "the run's manifest names no scales")
    }
    let row = schema.snapshotGroups.row(snapshot)
    guard try isNew("the snapshot at", snapshot.step, row, snapshots, recorded.snapshots) else { return }
    try take(snapshots.append(marker: snapshot.step, row))
    try flush()
  }

  /// Appends a validation loss, and flushes.
  ///
  /// - Throws: ``RunFileError``, where the file can no longer be written.
  public func append(_ validation: ValidationRecord) throws {
    let table = try usableTables().validations
    let row = schema.validationGroups.row(validation)
    guard try isNew("the validation at", validation.step, row, table, recorded.validations) else { return }
    try take(table.append(marker: validation.step, row))
    try flush()
  }

  /// Appends what a step tells of noise; it is flushed with the steps.
  ///
  /// - Throws: ``RunFileError``: a record of another shape, or a file that can no longer be written.
  public func append(_ noise: NoiseRecord) throws {
    guard let noises = try usableTables().noises else {
      throw RunFileError(.mismatch, path: path, "the run's manifest names no sums by parts of the batch")
    }
    let row = schema.noiseGroups.row(noise)
    guard try isNew("the noise at step", noise.step, row, noises, recorded.noises) else { return }
    try take(noises.append(marker: noise.step, row))
  }

  /// Appends what the model was evaluated to, and flushes.
  ///
  /// - Throws: ``RunFileError``: a record of another shape, or a file that can no longer be written.
  public func append(_ evaluation: EvaluationRecord) throws {
    guard let table = try usableTables().evaluations else {
      throw RunFileError(.mismatch, path: path, "the run's manifest names nothing that it is evaluated on")
    }
    let row = schema.evaluationGroups.row(evaluation)
    guard try isNew("the evaluation at", evaluation.step, row, table, recorded.evaluations) else { return }
    try take(table.append(marker: evaluation.step, row))
    try flush()
  }

  /// Brings everything that was appended to the disk: readers see it, and it outlives a crash.
  ///
  /// - Throws: ``RunFileError``.
  public func flush() throws {
    let tables = try usableTables()
    try guarded { try tables.write(path) }
    pace.flushed()
  }

  /// Records how the run ended and closes the file; afterwards any reader opens it plainly.
  ///
  /// - Throws: ``RunFileError``.
  public func finish(status: RunStatus) throws {
    try record(status, nextStep: lastStep + 1)
    try flush()
    let file = try usableTables().file
    tables = nil
    do {
      try file.closeDurably()
      try FileSystem.synchronize(path)
    } catch {
      throw fail(file, error)
    }
    lock = nil
  }

  deinit {
    // Dropped without `finish`: what waits is lost, as in a killed process.
    tables?.file.abandon()
  }

  // MARK: - Failure

  private func usableTables() throws(RunFileError) -> TableWriters {
    if let failure { throw failure }
    guard let tables else { throw RunFileError(.mismatch, path: path, "is finished; nothing can be added") }
    return tables
  }

  private func record(_ status: RunStatus, nextStep: Int) throws {
    let events = try usableTables().events
    let row = schema.eventGroup.values(
      EventRow(
        status: status, time: FileSystem.now(), segment: segment, nextStep: nextStep, machine: machine))
    try take(events.append(marker: events.writtenRows + events.waitingRows, row))
  }

  /// Whether a row has not been recorded before.
  /// - Throws: where it has, but with other numbers.
  private func isNew(
    _ what: String, _ marker: Int, _ row: [RowValue], _ table: TableWriter, _ earlier: RecordedRows
  ) throws(RunFileError) -> Bool {
    guard marker <= earlier.last else { return true }
    switch earlier.compare(marker: marker, checksum: table.checksum(marker: marker, row)) {
    case .new: return true
    case .equal: return false
    case .missing:
      throw RunFileError(.mismatch, path: path, "lacks \(what) \(marker), although later ones are there")
    case .different:
      throw RunFileError(
        .mismatch, path: path,
        "\(what) \(marker) came out otherwise than it is recorded, so this is not the same run any more; "
          + "it must go on with the same program, processor and number of threads")
    }
  }

  private func take(_ misfit: String?) throws(RunFileError) {
    guard let misfit else { return }
    throw RunFileError(
      .mismatch, path: path, "the record does not have the shape that the manifest gives to \(misfit)")
  }

  private func guarded(_ body: () throws -> Void) throws {
    do { try body() } catch { throw fail(tables?.file, error) }
  }

  /// Gives the file up: nothing is written or closed any more, so that what was flushed stays readable.
  private func fail(_ file: HDF5File?, _ error: any Error) -> RunFileError {
    file?.abandon()
    let saved = tables.map { "; the \($0.steps.writtenRows) steps flushed before are intact" } ?? ""
    let failure =
      error as? RunFileError
      ?? RunFileError(.writing, path: path, "could not be written: \(RunFileError.cause(error))\(saved)")
    self.failure = failure
    tables = nil
    lock = nil
    return failure
  }

  private static func introduction(_ manifest: RunManifest) -> String {
    "process \(getpid()) of \(manifest.machine.program), run \(manifest.runID), since \(manifest.startedAt)"
  }
}
