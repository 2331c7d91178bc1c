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
  private var tables: TableWriters?
  private var lock: WriterLock?
  private var pace: Pace
  private var lastStep = -1
  private var failure: RunFileError?

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
    try record(.running)
    try flush()
  }

  /// Appends one step; steps must ascend.
  ///
  /// - Throws: ``RunFileError``: a record of another shape, or a file that can no longer be written.
  public func append(_ record: StepRecord) throws {
    let tables = try usableTables()
    guard record.step > lastStep else {
      throw RunFileError(.mismatch, path: path, "step \(record.step) cannot follow step \(lastStep)")
    }
    try take(tables.steps.append(marker: record.step, schema.stepRow(record, segment: segment)))
    lastStep = record.step
    if pace.isDue(afterAppending: tables.steps.waitingBytes) { try flush() }
  }

  /// Appends a snapshot of the scales, and flushes.
  ///
  /// - Throws: ``RunFileError``: a snapshot of another shape, or a file that can no longer be written.
  public func append(_ snapshot: ScaleSnapshot) throws {
    guard let snapshots = try usableTables().snapshots else {
      throw RunFileError(.mismatch, path: path, "the run's manifest names no scales")
    }
    try take(snapshots.append(marker: snapshot.step, snapshot.values.map { .floats($0) }))
    try flush()
  }

  /// Appends a validation loss, and flushes.
  ///
  /// - Throws: ``RunFileError``, where the file can no longer be written.
  public func append(_ validation: ValidationRecord) throws {
    try take(usableTables().validations.append(marker: validation.step, [.reals([validation.loss])]))
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
    try record(status)
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

  private func record(_ status: RunStatus) throws {
    let events = try usableTables().events
    try take(
      events.append(
        marker: events.writtenRows + events.waitingRows,
        [.integers([status.rawValue]), .reals([FileSystem.now()])]))
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

/// The open tables of a run file.
struct TableWriters {
  let file: HDF5File
  let steps: TableWriter
  let snapshots: TableWriter?
  let validations: TableWriter
  let events: TableWriter
  private let descriptor: Int32

  init(_ schema: RunSchema, in file: HDF5File) throws {
    func table(_ definition: RunSchema.Table) throws -> TableWriter {
      try TableWriter(definition, of: schema, in: file)
    }
    self.file = file
    descriptor = try file.descriptor()
    steps = try table(schema.steps)
    snapshots = schema.snapshots.columns.isEmpty ? nil : try table(schema.snapshots)
    validations = try table(schema.validations)
    events = try table(schema.events)
  }

  /// Hands all waiting rows to the operating system and waits until they are on the disk, the markers last: a marker on
  /// the disk stands for a row on the disk, also after a crash of the machine.
  func write(_ path: String) throws {
    let waiting = [steps, snapshots, validations, events].compactMap { $0 }.filter { $0.waitingRows > 0 }
    if !waiting.isEmpty {
      for table in waiting { try table.writeColumns() }
      try FileSystem.synchronizeData(descriptor)
      for table in waiting { try table.writeMarkers() }
      try FileSystem.synchronizeData(descriptor)
    }
    guard FileSystem.hasName(descriptor) else {
      throw RunFileError(
        .vanished, path: path, "was deleted while it was written; the run is no longer recorded")
    }
  }
}
