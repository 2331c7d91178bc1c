import HDF5
import RunData

/// Reads a run file, finished, growing, or left by a killed writer. It never changes the file.
///
/// The HDF5 library can crash or hang on damaged files, whatever is checked before: read files that may have been
/// damaged in a process of their own (module `Isolation`). Do not keep a reader of a file that this very process
/// writes: inside one process the library opens a file once, and would close it with the last of the two.
public final class RunFileReader {
  /// How the file stands.
  public enum State: Equatable, Sendable {
    /// Its writer closed it.
    case closed
    /// It is being written; the writer's own words on who it is.
    case growing(writer: String)
    /// Its writer ended without closing it.
    case killed
  }

  /// The file.
  public let path: String
  /// What was known before the first step; of another stack than the deepest one where ``show(stack:)`` has chosen it.
  public private(set) var manifest: RunManifest
  /// The stack that was chosen; nil for the one in the file's grid.
  private(set) var stack: StackLayout?
  /// The file's own layout.
  public let recordedGradients: GradientLayout
  /// Whether the manifest is as it was written.
  public let isManifestIntact: Bool
  /// How the file stood when it was opened or last refreshed.
  public private(set) var state: State
  /// The last status that was recorded, and when it was, in seconds since 1970; `running` and nil where none can be
  /// read.
  public private(set) var status: (value: RunStatus, time: Double?) = (.running, nil)

  /// Rows that reading has found damaged and left out so far, by their table's coordinate.
  public internal(set) var damagedRows: [String: [Int]] = [:]

  let file: HDF5File
  let schema: RunSchema
  let stepTable: TableReader
  let snapshotTable: TableReader?
  let validationTable: TableReader
  let noiseTable: TableReader?
  let evaluationTable: TableReader?
  let eventTable: TableReader
  /// Whether the file is one that nobody writes, by its own words.
  let isOpenedPlainly: Bool
  private let isClosed: Bool

  /// Whether a file is of HDF5 by its first bytes, so that it may be a run file; false where it cannot be read.
  public static func isHDF5(_ path: String) -> Bool {
    guard case .file = try? FileSystem.kind(of: path) else { return false }
    let start = try? FileSystem.prefix(of: path, count: RunFileOpening.signature.count)
    return start == RunFileOpening.signature
  }

  /// Opens a run file.
  ///
  /// - Parameter cacheBytes: what the library may keep of each variable; little for a reader that stays open, for there are dozens
  ///   of variables.
  /// - Throws: ``RunFileError``.
  public init(path: String, cacheBytes: Int = 4 << 20) throws {
    self.path = path
    let opened = try RunFileOpening(path: path, cacheBytes: cacheBytes).open()
    let file = opened.file
    self.file = file
    isOpenedPlainly = opened.isOpenedPlainly
    // A writer in this very process does not keep a plain opening out.
    isClosed = isOpenedPlainly && WriterLock.holder(ofRunFile: path) == .nobody
    state = Self.state(of: path, isClosed: isClosed)
    do {
      let reader = ManifestReader(file: file, path: path)
      manifest = try reader.manifest()
      recordedGradients = manifest.gradients
      isManifestIntact = try reader.storedChecksum() == manifest.checksum
      schema = try RunSchema(manifest).restricted { try file.contains($0) }
      try Self.checkColumns(schema, opened, path)
      stepTable = try TableReader(schema.steps, of: schema, in: opened)
      snapshotTable =
        schema.snapshots.columns.isEmpty ? nil : try TableReader(schema.snapshots, of: schema, in: opened)
      validationTable = try TableReader(schema.validations, of: schema, in: opened)
      noiseTable =
        schema.noises.columns.isEmpty ? nil : try TableReader(schema.noises, of: schema, in: opened)
      evaluationTable =
        schema.evaluations.columns.isEmpty ? nil : try TableReader(schema.evaluations, of: schema, in: opened)
      eventTable = try TableReader(schema.events, of: schema, in: opened)
    } catch {
      throw RunFileError(reading: path, error)
    }
    try update()
  }

  /// Shows another stack of layers than the one that fills the file's grid, as if it did. Gains and outputs are kept of that one alone.
  ///
  /// - Parameter name: the stack's name, or the end of it after a dot.
  /// - Throws: ``RunFileError`` where the run has no such stack.
  public func show(stack name: String) throws {
    guard stack == nil, name != recordedGradients.stackName else { return }
    let others = recordedGradients.otherStacks
    let exact = others.filter { $0.name == name }
    let found = exact.isEmpty ? others.filter { ".\($0.name).".contains(".\(name).") } : exact
    guard found.count == 1 else {
      let names = ([recordedGradients.stackName] + (found.isEmpty ? others : found).map(\.name)).joined(
        separator: ", ")
      throw RunFileError(
        .mismatch, path: path,
        found.isEmpty ? "has no stack \(name); it has \(names)" : "has several stacks like \(name): \(names)")
    }
    stack = found[0]
    manifest.gradients = found[0].gradients
    manifest.scales = []
    manifest.operationNames = []
    manifest.stemOperationNames = []
  }

  /// Steps that can be read, ascending.
  public var steps: [Int] { stepTable.keys }

  /// Rows at the end of the file that are not among ``steps``: a killed writer left them unfinished.
  public var untrustedRows: Int { stepTable.untrustedRows }

  /// Whether the run's own end closed the file: every row in it was finished then.
  public var isFinished: Bool { isOpenedPlainly && status.value != .running }

  /// Looks at what was added since.
  ///
  /// - Returns: whether there are more steps than before.
  /// - Throws: ``RunFileError``.
  @discardableResult
  public func refresh() throws -> Bool {
    guard !isClosed else { return false }
    let before = steps.count
    // Before the rows: a writer that ends in between has written all of them by then.
    state = Self.state(of: path, isClosed: false)
    try reading { for table in tables { try table.refresh() } }
    try update()
    return steps.count > before
  }

  /// Whether a writer is still there; looks at nothing else.
  public func hasWriter() -> Bool { WriterLock.holder(ofRunFile: path) != .nobody }

  var tables: [TableReader] {
    [stepTable, snapshotTable, validationTable, noiseTable, evaluationTable, eventTable].compactMap { $0 }
  }

  /// Those of some rows that are as they were written, in stretches; the others are noted in ``damagedRows``. A
  /// damaged row may not even be readable, so rows are read in these stretches only.
  func soundStretches(of table: TableReader, in rows: Range<Int>) -> [Range<Int>] {
    let damaged = table.damagedRows(in: rows)
    guard !damaged.isEmpty else { return rows.isEmpty ? [] : [rows] }
    let name = table.definition.marker.name
    damagedRows[name] = Set(damagedRows[name] ?? []).union(damaged).sorted()
    return Self.stretches(of: rows, without: damaged)
  }

  /// Those of some rows that nobody has found damaged so far, in stretches; looks at none of them.
  func knownSoundStretches(of table: TableReader, in rows: Range<Int>) -> [Range<Int>] {
    Self.stretches(of: rows, without: table.knownDamagedRows(in: rows))
  }

  private static func stretches(of rows: Range<Int>, without damaged: [Int]) -> [Range<Int>] {
    let starts = [rows.lowerBound] + damaged.map { $0 + 1 }
    return zip(starts, damaged + [rows.upperBound]).filter { $0 < $1 }.map { $0..<$1 }
  }

  /// Runs `body` and turns what the library throws into an error on this file.
  func reading<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch { throw RunFileError(reading: path, error) }
  }

  private func update() throws {
    try reading {
      for table in tables { try table.update(isClosed: isOpenedPlainly) }
      guard let last = soundStretches(of: eventTable, in: eventTable.keys.indices).last?.last,
        let values = eventTable.column("status"),
        let times = eventTable.column("status_time")
      else { return }
      try values.load(last..<last + 1)
      try times.load(last..<last + 1)
      status = (values.integers.first.flatMap(RunStatus.init(rawValue:)) ?? .running, times.reals.first)
    }
  }

  private static func state(of path: String, isClosed: Bool) -> State {
    guard !isClosed else { return .closed }
    return switch WriterLock.holder(ofRunFile: path) {
    case .nobody: .killed
    case .someone(let writer): .growing(writer: writer)
    }
  }

  /// Every growing variable must have the format and row shape that the manifest gives to it.
  private static func checkColumns(
    _ schema: RunSchema, _ opened: RunFileOpening.Opened, _ path: String
  ) throws {
    for table in schema.usedTables {
      for column in [table.marker] + table.checksums + table.columns {
        let description = try opened.description(of: column.name)
        guard description.elementClass == column.number.elementClass, description.shape.count > 0,
          Array(description.shape.dropFirst()) == schema.rowShape(column)
        else {
          throw RunFileError(
            .damaged, path: path, "could not be read: the file is damaged (\(column.name) has another shape)")
        }
      }
    }
  }
}

extension RunFileError {
  /// What went wrong while a file was read.
  init(reading path: String, _ error: any Error) {
    self =
      error as? RunFileError
      ?? RunFileError(.damaged, path: path, "could not be read: the file is damaged (\(error))")
  }
}
