/// Rows of one table that an earlier attempt recorded, by what identifies them: the marker, and the checksum that equal
/// runs share.
struct RecordedRows {
  private let checksums: [Int: UInt32]
  /// The last row's marker; -1 where there is none.
  let last: Int
  let count: Int

  static let none = RecordedRows(keys: [], checksums: [])

  init(keys: [Int], checksums: [UInt32]) {
    self.checksums = Dictionary(zip(keys, checksums)) { first, _ in first }
    last = keys.last ?? -1
    count = keys.count
  }

  /// How a row that is made again compares with the one that was recorded.
  enum Comparison {
    case equal, different
    /// No such row was recorded, although later ones were.
    case missing
    /// It comes after all that was recorded.
    case new
  }

  func compare(marker: Int, checksum: UInt32?) -> Comparison {
    if marker > last { return .new }
    guard let recorded = checksums[marker] else { return .missing }
    return recorded == checksum ? .equal : .different
  }
}

extension TableReader {
  /// What the table's trusted rows are known by.
  func recordedRows() throws -> RecordedRows {
    RecordedRows(keys: keys, checksums: try firstChecksums())
  }
}
