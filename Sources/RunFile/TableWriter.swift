import Checksums
import HDF5
import RunData

/// One table of an open run file: rows are buffered whole and written column by column, the marker last.
final class TableWriter {
  /// Bytes that wait to be written.
  private(set) var waitingBytes = 0
  /// Rows that wait to be written.
  private(set) var waitingRows = 0
  private(set) var writtenRows: Int
  private let marker: any ColumnWriter
  private let columns: [any ColumnWriter]
  private let checksums: [any ColumnWriter]
  private let definition: RunSchema.Table
  private let rowBytes: Int

  init(_ table: RunSchema.Table, of schema: RunSchema, in file: HDF5File, writtenRows: Int = 0) throws {
    definition = table
    self.writtenRows = writtenRows
    marker = try table.marker.writer(in: file, rowShape: [])
    checksums = try table.checksums.map { try $0.writer(in: file, rowShape: []) }
    columns = try table.columns.map { try $0.writer(in: file, rowShape: schema.rowShape($0)) }
    rowBytes = schema.rowBytes(table)
  }

  /// Takes the next row.
  /// - Returns: nil, or the name of the column that the row does not fit; then nothing was taken.
  func append(marker key: Int, _ values: [RowValue]) -> String? {
    guard values.count == columns.count else { return definition.marker.name }
    var crc = CRC32C()
    guard marker.buffer(.integers([key]), &crc) else { return definition.marker.name }
    var crcs = checksums.map { _ in crc }
    for (index, column) in columns.enumerated()
    where !column.buffer(values[index], &crcs[definition.columns[index].checksum]) {
      ([marker] + columns).forEach { $0.trimBuffer(to: waitingRows) }
      return definition.columns[index].name
    }
    for (checksum, crc) in zip(checksums, crcs) {
      var unused = CRC32C()
      _ = checksum.buffer(.integers([Int(crc.value)]), &unused)
    }
    waitingRows += 1
    waitingBytes += rowBytes
    return nil
  }

  /// The first checksum that a row would have, which equal runs share; nil where the row does not fit.
  func checksum(marker key: Int, _ values: [RowValue]) -> UInt32? {
    var crc = CRC32C()
    guard values.count == columns.count, marker.feed(.integers([key]), &crc) else { return nil }
    for (index, column) in columns.enumerated() where definition.columns[index].checksum == 0 {
      guard column.feed(values[index], &crc) else { return nil }
    }
    return crc.value
  }

  /// Hands all waiting rows to the operating system but for their markers.
  func writeColumns() throws {
    guard waitingRows > 0 else { return }
    for column in columns + checksums { try column.write(after: writtenRows) }
  }

  /// Hands the markers of all waiting rows to the operating system: a reader that sees a marker finds the rest of its
  /// row there.
  func writeMarkers() throws {
    guard waitingRows > 0 else { return }
    try marker.write(after: writtenRows)
    writtenRows += waitingRows
    waitingRows = 0
    waitingBytes = 0
  }
}
