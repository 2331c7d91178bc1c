import Glibc
import HDF5

/// Makes a killed run's file whole again, in place, so that every HDF5 program opens it plainly.
///
/// Nothing that was flushed is lost, and a repair that is killed can be repeated. A whole file stays as it is, byte for
/// byte. Like reading, this trusts the HDF5 library with bytes that may be damaged: do it in a process of its own
/// (module `Isolation`).
public enum RunFileRepair {
  /// What a repair found and did.
  public struct Report: Equatable, Sendable {
    /// One table of the file.
    public struct Table: Equatable, Sendable {
      /// The table's coordinate, e.g. `step`.
      public var name: String
      /// Finished rows; all of them are kept.
      public var keptRows: Int
      /// Unfinished rows that were cut off.
      public var cutRows: Int
    }

    /// The tables, the steps first.
    public var tables: [Table]
    /// Whether the file was changed.
    public var isChanged: Bool
  }

  /// Repairs a run file that nobody writes. No reader of it may be open in this process.
  ///
  /// - Throws: ``RunFileError``, also where the file's writer lives: who it is.
  @discardableResult
  public static func repair(path: String) throws -> Report {
    // A look first: the lock makes a file of its own, which belongs beside run files only.
    _ = try survey(path)
    let lock = try WriterLock(repairing: path)
    return try withExtendedLifetime(lock) { try repair(path: path, holding: lock) }
  }

  /// Repairs a run file whose lock the caller holds; it can be opened for writing afterwards.
  ///
  /// - Throws: ``RunFileError``.
  static func repair(path: String, holding lock: WriterLock) throws -> Report {
    var survey = try survey(path)
    let wasOpen = !survey.isClosed
    do {
      if wasOpen {
        try close(path)
        survey = try Self.survey(path)
      }
      if survey.needsTrimming {
        do { try trim(path, survey) } catch is HDF5Error { try RunFileCopy(path: path).replace() }
      }
    } catch {
      throw RunFileError(repairing: path, error)
    }
    return Report(tables: survey.tables, isChanged: wasOpen || survey.needsTrimming)
  }
}

extension RunFileRepair {
  /// What there is to repair.
  private struct Survey {
    var isClosed: Bool
    /// Whether some variable has rows beyond the finished ones of its table. In the file of a run that came to its end
    /// that is damage, and damage is not cut away.
    var needsTrimming: Bool
    var tables: [Report.Table]
    var schema: RunSchema
  }

  private static func survey(_ path: String) throws -> Survey {
    let reader = try RunFileReader(path: path)
    let tables = reader.tables
    return try reader.reading {
      Survey(
        isClosed: reader.isOpenedPlainly,
        needsTrimming: try !reader.isFinished
          && tables.contains { try !$0.hasEvenExtents(of: $0.keys.count) },
        tables: try tables.map {
          Report.Table(
            name: $0.definition.marker.name, keptRows: $0.keys.count,
            cutRows: try $0.longestExtent() - $0.keys.count)
        }, schema: reader.schema)
    }
  }

  /// Takes the writer's mark off a file and puts its true end into its header.
  private static func close(_ path: String) throws {
    let file = try HDF5File.openedDurably(
      path, mode: .writing, access: HDF5FileAccess(ignoresWriterMark: true))
    do {
      try file.coverWholeFile()
      try file.closeDurably()
    } catch {
      file.abandon()
      throw error
    }
    try FileSystem.synchronize(path)
  }

  /// Cuts every variable down to the finished rows of its table.
  private static func trim(_ path: String, _ survey: Survey) throws {
    let access = HDF5FileAccess(chunkCacheBytes: survey.schema.chunkCacheBytes)
    let file = try HDF5File.openedDurably(path, mode: .writing, access: access)
    do {
      for (table, found) in zip(survey.schema.usedTables, survey.tables) {
        for column in [table.marker] + table.checksums + table.columns {
          let dataset = try file.dataset(column.name)
          guard try dataset.shape().first != found.keptRows else { continue }
          try dataset.setShape([found.keptRows] + survey.schema.rowShape(column))
        }
      }
      try file.closeDurably()
    } catch {
      file.abandon()
      throw error
    }
    try FileSystem.synchronize(path)
  }
}

extension HDF5File {
  /// Opens a file for writing. The mark that opening puts into its header is on the disk before anything else can change: otherwise a crash of
  /// the machine could leave a file that was cut or half changed since, under a header that says that it was closed as it is.
  static func openedDurably(
    _ path: String, mode: HDF5File.OpenMode, access: HDF5FileAccess
  ) throws -> HDF5File {
    let file = try HDF5File(opening: path, mode: mode, access: access)
    do { try FileSystem.synchronizeData(file.descriptor()) } catch {
      file.abandon()
      throw error
    }
    return file
  }

  /// Closes a file in two steps: its size and all that it holds are on the disk before the header says that nobody
  /// writes it any more. Otherwise a crash of the machine could leave a closed file that is shorter than it says.
  func closeDurably() throws {
    try flush()
    try FileSystem.synchronizeData(descriptor())
    try close()
  }
}

extension RunFileError {
  /// What went wrong while a file was repaired.
  fileprivate init(repairing path: String, _ error: any Error) {
    if let error = error as? RunFileError {
      self = error
    } else if let error = error as? HDF5Error, error.isLock {
      self = .lockedByProgram(path)
    } else {
      self.init(
        .writing, path: path,
        "could not be repaired: \(Self.cause(error)); what it holds is as before, and the repair can be repeated"
      )
    }
  }
}

extension WriterLock {
  /// Takes the lock of a file that is to be repaired.
  fileprivate convenience init(repairing path: String) throws(RunFileError) {
    do {
      try self.init(forRunFile: path, holder: "a repair by process \(getpid())")
    } catch {
      guard error.reason == .writing else { throw error }
      throw RunFileError(
        .writing, path: path, error.detail.replacing("cannot be created", with: "cannot be repaired"))
    }
  }
}
