/// What the checksums of a run file say.
public struct RunFileVerification: Equatable, Sendable {
  /// Whether attributes and coordinates are as they were written.
  public var isManifestIntact: Bool
  /// Rows of the step table that are there.
  public var stepRows: Int
  /// Rows at the end that a killed writer left unfinished.
  public var unfinishedRows: Int
  /// Rows of each table whose checksum is wrong or that cannot be read, by the table's coordinate; tables without
  /// damage are absent.
  public var damagedRows: [String: [Int]]

  /// Whether everything that was recorded is as it was written.
  public var isIntact: Bool { isManifestIntact && damagedRows.isEmpty }
}

extension RunFileReader {
  /// Reads everything once and compares it with the checksums.
  public func verify() -> RunFileVerification {
    var damaged: [String: [Int]] = [:]
    let named = [
      (schema.steps.marker.name, stepTable as TableReader?), (schema.snapshots.marker.name, snapshotTable),
      (schema.validations.marker.name, validationTable), (schema.events.marker.name, eventTable),
    ]
    for case (let name, let table?) in named {
      let rows = table.damagedRows(in: table.keys.indices)
      if !rows.isEmpty { damaged[name] = rows }
    }
    return RunFileVerification(
      isManifestIntact: isManifestIntact, stepRows: steps.count, unfinishedRows: untrustedRows,
      damagedRows: damaged)
  }
}
