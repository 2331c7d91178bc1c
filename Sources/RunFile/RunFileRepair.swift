import HDF5
import RunData

/// Makes the file of a killed run whole, so that any reader opens it plainly: the header tells its true length and that
/// nobody writes it, and every variable ends with the last row that was written in full.
///
/// The work is done on a copy, which takes the file's place when it is complete and on the disk: a kill or a power
/// failure at any moment leaves either file, and both hold every row. (The library's own `h5clear -s` works on the file
/// itself and cuts one of a killed single writer off behind its header.)
public struct RunFileRepair {
  /// What was done.
  public struct Report: Equatable, Sendable {
    /// Whether the file was changed; false where it was whole already.
    public var isChanged: Bool
    /// Steps that the file holds.
    public var steps: Int
    /// Rows at the ends of the tables that a writer had not finished, and that are gone.
    public var unfinishedRows: Int
  }

  private let path: String
  private var temporary: String { path + ".recovering" }

  /// Makes a file whole.
  ///
  /// - Throws: ``RunFileError``: also where its writer lives, or the file is damaged beyond what a killed writer leaves.
  ///   The file is then as it was.
  public static func repair(path: String) throws -> Report {
    try RunFileRepair(path: path).run()
  }

  private func run() throws -> Report {
    // Looked at before the lock is taken, which would leave a file beside what is none of ours.
    _ = try RunFileReader(path: path)
    let lock = try WriterLock(forRunFile: path, holder: "a repair")
    defer { withExtendedLifetime(lock) {} }
    let rows: [Int]
    let report: Report
    do {
      let reader = try RunFileReader(path: path)
      rows = reader.tables.map(\.keys.count)
      // A damaged row of a file that was closed is no unfinished one; it must not be cut off.
      let isClosed = reader.isOpenedPlainly
      report = Report(
        isChanged: !isClosed, steps: reader.steps.count,
        unfinishedRows: isClosed ? 0 : reader.tables.reduce(0) { $0 + $1.untrustedRows })
    }
    guard report.isChanged else { return report }
    do {
      try FileSystem.remove(temporary)
      try FileSystem.copy(path, to: temporary)
      try clearMarks()
      try cut(to: rows)
      try FileSystem.synchronize(temporary)
      try check(rows)
      try FileSystem.move(temporary, to: path)
      try FileSystem.synchronize(FileSystem.folder(of: path))
    } catch {
      try? FileSystem.remove(temporary)
      throw error as? RunFileError
        ?? RunFileError(
          .writing, path: path, "could not be repaired, and is as it was: \(RunFileError.cause(error))")
    }
    return report
  }

  /// Corrects the header.
  private func clearMarks() throws {
    let access = HDF5FileAccess(ignoresWriterMark: true, ignoresLength: true)
    let file = try HDF5File(opening: temporary, mode: .writing, access: access)
    do {
      try file.takeLengthFromDisk()
      try file.close()
    } catch {
      file.abandon()
      throw error
    }
  }

  /// Lets every variable end with the rows that count.
  private func cut(to rows: [Int]) throws {
    let schema = try RunFileReader(path: temporary).schema
    let file = try HDF5File(opening: temporary, mode: .writing)
    do {
      let tables = schema.tables.filter { !$0.columns.isEmpty }
      for (table, count) in zip(tables, rows) {
        for column in table.columns + table.checksums + [table.marker] {
          let dataset = try file.dataset(column.name)
          let shape = try dataset.shape()
          if shape.first != count { try dataset.setShape([count] + shape.dropFirst()) }
        }
      }
      try file.flush()
      try file.close()
    } catch {
      file.abandon()
      throw error
    }
  }

  /// Opens the copy as any reader would, and counts.
  private func check(_ rows: [Int]) throws {
    let reader = try RunFileReader(path: temporary)
    guard try reader.isWhole(), reader.tables.map(\.keys.count) == rows else {
      throw RunFileError(.damaged, path: path, "is damaged in a way that cannot be repaired")
    }
  }
}

extension RunFileReader {
  /// Whether any reader opens the file plainly and finds whole rows alone.
  func isWhole() throws -> Bool {
    try isOpenedPlainly && tables.allSatisfy { try $0.untrustedRows == 0 && $0.endsTogether() }
  }
}
