import Checksums
import HDF5

/// A ``ColumnWriter`` of short texts, one a row.
final class TextColumnWriter: ColumnWriter {
  private let dataset: HDF5Dataset
  private let length = RunSchema.Number.textLength
  private var waiting: [UInt8] = []

  init(_ dataset: HDF5Dataset) {
    self.dataset = dataset
  }

  func buffer(_ value: RowValue, _ checksum: inout CRC32C) -> Bool {
    guard case .text(let text) = value else { return false }
    let bytes = Self.padded(text, to: length)
    checksum.update(bytes)
    waiting += bytes
    return true
  }

  func feed(_ value: RowValue, _ checksum: inout CRC32C) -> Bool {
    guard case .text(let text) = value else { return false }
    checksum.update(Self.padded(text, to: length))
    return true
  }

  func trimBuffer(to count: Int) {
    waiting.removeLast(max(0, waiting.count - count * length))
  }

  func write(after rows: Int) throws {
    let count = waiting.count / length
    guard count > 0 else { return }
    try dataset.setShape([rows + count])
    try dataset.write(text: waiting, length: length, start: [rows], count: [count])
    try dataset.flush()
    waiting.removeAll(keepingCapacity: true)
  }

  /// The text's bytes, cut between characters where it is too long.
  private static func padded(_ text: String, to length: Int) -> [UInt8] {
    var text = text[...]
    while text.utf8.count > length { text.removeLast() }
    return Array(text.utf8) + Array(repeating: 0, count: length - text.utf8.count)
  }
}

/// A ``ColumnReader`` of short texts, one a row.
final class TextColumnReader: ColumnReader {
  private let dataset: HDF5Dataset
  private let length = RunSchema.Number.textLength
  private var block: [UInt8] = []

  init(_ dataset: HDF5Dataset) {
    self.dataset = dataset
  }

  func rowCount() throws -> Int { try dataset.shape().first ?? 0 }

  func refresh() throws { try dataset.refresh() }

  func load(_ rows: Range<Int>) throws {
    block = try dataset.readText(length: length, start: [rows.lowerBound], count: [rows.count])
  }

  func load(_ rows: Range<Int>, lastPlace: Int) throws { try load(rows) }

  func copy(_ rows: [Int], inBlocksOf blockRows: Int, to file: HDF5File) throws {
    let copy = try file.dataset(dataset.name)
    try copy.setShape([rows.count])
    try TableReader.forEachBlock(of: rows, blockRows: blockRows) { positions in
      let first = rows[positions.lowerBound]
      try load(first..<rows[positions.upperBound - 1] + 1)
      let kept = positions.flatMap { position -> ArraySlice<UInt8> in
        let start: Int = (rows[position] - first) * length
        return block[start..<start + length]
      }
      try copy.write(text: kept, length: length, start: [positions.lowerBound], count: [positions.count])
    }
  }

  func feed(row: Int, _ checksum: inout CRC32C) {
    checksum.update(block, row * length..<(row + 1) * length)
  }

  var reals: [Double] { [] }

  var integers: [Int] { [] }

  var floats: [Float] { [] }

  var texts: [String] {
    stride(from: 0, to: block.count, by: length).map { start in
      String(decoding: block[start..<start + length].prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
