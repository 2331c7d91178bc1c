import Checksums
import HDF5

/// One table of a run file: its rows, as far as they can be trusted, and their checksums.
final class TableReader {
  /// The marker of each finished row: steps of the step table, ascending.
  private(set) var keys: [Int] = []
  /// Rows at the end that a killed writer left unfinished; they are not among ``keys``.
  private(set) var untrustedRows = 0
  /// Rows that are read at once.
  let blockRows: Int

  let definition: RunSchema.Table
  /// Rows that one flush can hold, and so leave unfinished.
  private let tailRows: Int
  /// By row, what its checksum has said; nil or beyond the end where nobody has looked.
  private var isDamaged: [Bool?] = []
  private let marker: any ColumnReader
  private let columns: [any ColumnReader]
  private let checksums: [any ColumnReader]

  init(_ table: RunSchema.Table, of schema: RunSchema, in opened: RunFileOpening.Opened) throws {
    definition = table
    marker = try table.marker.reader(in: opened, rowShape: [])
    checksums = try table.checksums.map { try $0.reader(in: opened, rowShape: []) }
    columns = try table.columns.map { try $0.reader(in: opened, rowShape: schema.rowShape($0)) }
    let widest = table.columns.map { schema.width($0) * $0.number.byteCount }.max() ?? 8
    tailRows = Pace.waitingLimit / schema.rowBytes(table) + 1
    // Whole chunks, and about 1 MiB of the widest column.
    let chunk = table.columns.map { schema.chunkRows($0) }.max() ?? 1
    blockRows = max(1, (1 << 20) / max(1, widest) / chunk) * chunk
  }

  /// The column of this name.
  func column(_ name: String) -> (any ColumnReader)? {
    definition.columns.firstIndex { $0.name == name }.map { columns[$0] }
  }

  /// Looks at the rows that are there now.
  ///
  /// - Parameter isClosed: whether the file was closed, by its writer or by a repair.
  /// - Throws: `HDF5Error`, or ``TableDamage`` where the markers do not ascend from 0 on.
  func update(isClosed: Bool) throws {
    // The marker first: what it counts is there in every other column, which are looked at later.
    let claimed = try marker.rowCount()
    let rows = try (checksums + columns).reduce(claimed) { min($0, try $1.rowCount()) }
    let finished = try finishedRows(of: rows, isClosed: isClosed)
    untrustedRows = max(claimed, rows) - finished
    if finished > keys.count {
      try marker.load(keys.count..<finished)
      let added = marker.integers
      guard added.count == finished - keys.count else {
        throw TableDamage(row: keys.count, table: definition.marker.name)
      }
      keys += added
    } else {
      keys.removeLast(keys.count - finished)
    }
    // Counted from 0; the largest number has no successor to end a window with.
    if let row = keys.indices.first(where: { keys[$0] <= ($0 > 0 ? keys[$0 - 1] : -1) || keys[$0] == .max }) {
      throw TableDamage(row: row, table: definition.marker.name)
    }
  }

  /// The first checksum of each trusted row.
  func firstChecksums() throws -> [UInt32] {
    guard let column = checksums.first, !keys.isEmpty else { return [] }
    try column.load(keys.indices)
    return column.integers.map { UInt32(truncatingIfNeeded: $0) }
  }

  /// Copies finished rows, ascending, to a file that is being made; nil copies all.
  func copy(_ rows: [Int]? = nil, to file: HDF5File) throws {
    for column in [marker] + checksums + columns {
      try column.copy(rows ?? Array(keys.indices), inBlocksOf: blockRows, to: file)
    }
  }

  /// Calls `body` with stretches of ascending rows that lie in one block each, by their positions in `rows`.
  static func forEachBlock(
    of rows: [Int], blockRows: Int, _ body: (_ positions: Range<Int>) throws -> Void
  ) rethrows {
    var first = 0
    while first < rows.count {
      let end = (rows[first] / blockRows + 1) * blockRows
      let last = rows[first...].partitioningIndex { $0 >= end }
      try body(first..<last)
      first = last
    }
  }

  /// All checksums of some rows, a list a checksum.
  func checksums(of rows: [Int]) throws -> [[Int]] {
    try checksums.map { column in
      guard let first = rows.first, let last = rows.last else { return [] }
      try column.load(first..<last + 1)
      let values = column.integers
      return rows.map { values[$0 - first] }
    }
  }

  /// Rows of the longest column.
  func longestExtent() throws -> Int {
    try (columns + checksums).reduce(marker.rowCount()) { max($0, try $1.rowCount()) }
  }

  /// Whether every column has `rows` rows.
  func hasEvenExtents(of rows: Int) throws -> Bool {
    try ([marker] + columns + checksums).allSatisfy { try $0.rowCount() == rows }
  }

  /// Looks again at what a writer has added.
  func refresh() throws {
    try marker.refresh()
    for column in columns + checksums { try column.refresh() }
  }

  /// The rows of `range`, among all rows in the file, whose checksum is wrong or that cannot be read. Each row is
  /// looked at once.
  func damagedRows(in range: Range<Int>) -> [Int] {
    let unknown = range.filter { $0 >= isDamaged.count || isDamaged[$0] == nil }
    if let first = unknown.first, let last = unknown.last {
      if isDamaged.count <= last {
        isDamaged += [Bool?](repeating: nil, count: last + 1 - isDamaged.count)
      }
      for row in unknown { isDamaged[row] = false }
      for row in findDamage(first..<last + 1) { isDamaged[row] = true }
    }
    return range.filter { isDamaged[$0] == true }
  }

  /// The rows of `range` that were found damaged before.
  func knownDamagedRows(in range: Range<Int>) -> [Int] {
    range.clamped(to: isDamaged.indices).filter { isDamaged[$0] == true }
  }

  private func findDamage(_ range: Range<Int>) -> [Int] {
    var damaged: [Int] = []
    var start = range.lowerBound
    while start < range.upperBound {
      let block = start..<min(start + blockRows, range.upperBound)
      damaged += damagedRows(inBlock: block)
      start = block.upperBound
    }
    return damaged
  }

  private func damagedRows(inBlock block: Range<Int>) -> [Int] {
    do {
      for column in [marker] + checksums + columns { try column.load(block) }
    } catch {
      // One row that cannot be read must not take its neighbours with it.
      return block.count == 1 ? [block.lowerBound] : block.flatMap { damagedRows(inBlock: $0..<($0 + 1)) }
    }
    let expected = checksums.map(\.integers)
    return block.filter { row in
      let place = row - block.lowerBound
      var crc = CRC32C()
      marker.feed(row: place, &crc)
      var crcs = checksums.map { _ in crc }
      for (index, column) in columns.enumerated() {
        column.feed(row: place, &crcs[definition.columns[index].checksum])
      }
      return zip(expected, crcs).contains { $0[place] != Int($1.value) }
    }
  }

  /// Rows up to the first one, among those that one flush can have left unfinished, whose marker was never written.
  ///
  /// A writer brings a row to the disk before its marker. So a crash of the machine can leave a marker's extent
  /// ahead of its data, which then read as the fill value or, in a chunk that the disk never got, as 0; a row whose
  /// marker is there, but whose checksum is wrong, was damaged later, and is never taken for an unfinished one.
  /// Rows that were trusted before are not looked at again.
  private func finishedRows(of rows: Int, isClosed: Bool) throws -> Int {
    let start = max(keys.count, rows - tailRows)
    guard start < rows else { return rows }
    try marker.load(start..<rows)
    let markers = marker.integers
    let unwritten = markers.indices.first { markers[$0] < 0 || (markers[$0] == 0 && start + $0 > 0) }
    let end = start + (unwritten ?? markers.count)
    // In the first row 0 can be the marker itself.
    let isFirstUnwritten = end == 1 && start == 0 && markers[0] == 0 && !isClosed
    return isFirstUnwritten && !findDamage(0..<1).isEmpty ? 0 : end
  }
}

/// A table whose markers do not ascend from 0 on.
struct TableDamage: Error, CustomStringConvertible {
  let row: Int
  let table: String

  var description: String {
    row == 0
      ? "row 0 of \(table) is no beginning" : "row \(row) of \(table) does not follow the row before it"
  }
}
