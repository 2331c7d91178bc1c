import Checksums
import HDF5

/// One table of a run file: its rows, as far as they can be trusted, and their checksums.
final class TableReader {
  /// The marker of each trusted row: steps of the step table, ascending.
  private(set) var keys: [Int] = []
  /// Rows at the end that a killed writer left unfinished, or that are damaged there; they are not among ``keys``.
  private(set) var untrustedRows = 0
  /// Rows that are read at once.
  let blockRows: Int

  private let definition: RunSchema.Table
  private let marker: any ColumnReader
  private let columns: [any ColumnReader]
  private let checksums: [any ColumnReader]

  init(_ table: RunSchema.Table, of schema: RunSchema, in file: HDF5File) throws {
    definition = table
    marker = try table.marker.reader(in: file, rowShape: [])
    checksums = try table.checksums.map { try $0.reader(in: file, rowShape: []) }
    columns = try table.columns.map { try $0.reader(in: file, rowShape: schema.rowShape($0)) }
    let widest = table.columns.map { schema.width($0) * $0.number.byteCount }.max() ?? 8
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
  /// - Parameter isClosed: whether the writer closed the file; if not, rows at the end count only if their
  ///   checksums are right: a crash of the machine can leave extents ahead of their data.
  /// - Throws: `HDF5Error`, or ``TableDamage`` where the markers do not ascend.
  func update(isClosed: Bool) throws {
    // The marker first: what it counts is there in every other column, which are looked at later.
    let claimed = try marker.rowCount()
    let rows = try (checksums + columns).reduce(claimed) { min($0, try $1.rowCount()) }
    let trusted = isClosed ? rows : try trustedRows(of: rows)
    untrustedRows = max(claimed, rows) - trusted
    if trusted > keys.count {
      try marker.load(keys.count..<trusted)
      let added = marker.integers
      guard added.count == trusted - keys.count else {
        throw TableDamage(row: keys.count, table: definition.marker.name)
      }
      keys += added
    } else {
      keys.removeLast(keys.count - trusted)
    }
    if let row = keys.indices.dropFirst().first(where: { keys[$0] <= keys[$0 - 1] }) {
      throw TableDamage(row: row, table: definition.marker.name)
    }
  }

  /// The first checksum of each trusted row.
  func firstChecksums() throws -> [UInt32] {
    guard let column = checksums.first, !keys.isEmpty else { return [] }
    try column.load(keys.indices)
    return column.integers.map { UInt32(truncatingIfNeeded: $0) }
  }

  /// Whether every variable ends with the trusted rows.
  func endsTogether() throws -> Bool {
    try ([marker] + checksums + columns).allSatisfy { try $0.rowCount() == keys.count }
  }

  /// Looks again at what a writer has added.
  func refresh() throws {
    try marker.refresh()
    for column in columns + checksums { try column.refresh() }
  }

  /// The rows of `range`, among all rows in the file, whose checksum is wrong or that cannot be read.
  func damagedRows(in range: Range<Int>) -> [Int] {
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

  /// Rows up to the first one near the end whose checksum is wrong. Rows that were trusted before are not looked
  /// at again.
  private func trustedRows(of rows: Int) throws -> Int {
    var end = rows
    while end > 0 {
      let start = max(0, min(end - 1, max(keys.count, end - 1024)))
      let damaged = damagedRows(in: start..<end)
      if damaged.first != start { return damaged.first ?? end }
      end = start
    }
    return 0
  }
}

/// A table whose markers do not ascend.
struct TableDamage: Error, CustomStringConvertible {
  let row: Int
  let table: String

  var description: String { "row \(row) of \(table) does not follow the row before it" }
}
