/// What the checksums of a run file say.
public struct RunFileVerification: Equatable, Sendable {
  /// One table of the file.
  public struct Table: Equatable, Sendable {
    /// The table's coordinate, e.g. `step`.
    public var name: String
    /// The coordinate of each finished row, as it stands in the file.
    public var keys: [Int]
    /// Rows at the end that a writer has not finished, or not yet.
    public var unfinishedRows: Int
    /// Finished rows whose checksum is wrong or that cannot be read.
    public var damagedRows: [Int]
  }

  /// Whether attributes and coordinates are as they were written.
  public var isManifestIntact: Bool
  /// Whether the run's own end closed the file, so that unfinished rows can only be damage.
  public var isFinished: Bool
  /// The tables, the steps first.
  public var tables: [Table]

  /// Whether everything that was recorded is as it was written.
  public var isIntact: Bool {
    isManifestIntact
      && tables.allSatisfy { $0.damagedRows.isEmpty && !(isFinished && $0.unfinishedRows > 0) }
  }

  /// Damaged rows by the table's coordinate; tables without damage are absent.
  public var damagedRows: [String: [Int]] {
    Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0.damagedRows) }).filter { !$0.value.isEmpty }
  }
}

extension RunFileReader {
  /// Reads everything once and compares it with the checksums.
  ///
  /// - Throws: ``RunFileError``.
  public func verify() throws -> RunFileVerification {
    try reading {
      RunFileVerification(
        isManifestIntact: isManifestIntact, isFinished: isFinished,
        tables: try tables.map { table in
          RunFileVerification.Table(
            name: table.definition.marker.name, keys: table.keys,
            unfinishedRows: try table.longestExtent() - table.keys.count,
            damagedRows: table.damagedRows(in: table.keys.indices))
        })
    }
  }
}
