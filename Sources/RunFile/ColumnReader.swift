import Checksums
import HDF5

/// One growing variable of a run file that is read in blocks of rows.
protocol ColumnReader: AnyObject {
  /// Rows of the variable, as of the last refresh.
  func rowCount() throws -> Int
  /// Looks again at what a writer has added.
  func refresh() throws
  /// Reads a block of rows.
  func load(_ rows: Range<Int>) throws
  /// Reads of a block of rows one place of the last dimension, e.g. a tensor in every layer.
  func load(_ rows: Range<Int>, lastPlace: Int) throws
  /// Copies ascending rows to the variable of the same name in a file that is being made.
  func copy(_ rows: [Int], inBlocksOf blockRows: Int, to file: HDF5File) throws
  /// Feeds one row of the loaded block, counted from its start, to a checksum.
  func feed(row: Int, _ checksum: inout CRC32C)
  /// The loaded block as float64, row-major.
  var reals: [Double] { get }
  /// The loaded block of a column of integers.
  var integers: [Int] { get }
  /// The loaded block of a column of float32.
  var floats: [Float] { get }
  /// The loaded block of a column of text.
  var texts: [String] { get }
}

/// A ``ColumnReader`` of one number format.
final class TypedColumnReader<Element: RowElement>: ColumnReader {
  private let dataset: HDF5Dataset
  private let rowShape: [Int]
  private let width: Int
  private var block: [Element] = []

  init(_ dataset: HDF5Dataset, rowShape: [Int]) {
    self.dataset = dataset
    self.rowShape = rowShape
    width = rowShape.reduce(1, *)
  }

  func rowCount() throws -> Int {
    try dataset.shape().first ?? 0
  }

  func refresh() throws {
    try dataset.refresh()
  }

  func load(_ rows: Range<Int>) throws {
    try dataset.read(
      into: &block, start: [rows.lowerBound] + rowShape.map { _ in 0 }, count: [rows.count] + rowShape)
  }

  func load(_ rows: Range<Int>, lastPlace: Int) throws {
    try dataset.read(
      into: &block, start: [rows.lowerBound] + rowShape.dropLast().map { _ in 0 } + [lastPlace],
      count: [rows.count] + rowShape.dropLast() + [1])
  }

  func copy(_ rows: [Int], inBlocksOf blockRows: Int, to file: HDF5File) throws {
    let copy = try file.dataset(dataset.name)
    try copy.setShape([rows.count] + rowShape)
    try TableReader.forEachBlock(of: rows, blockRows: blockRows) { positions in
      let first = rows[positions.lowerBound]
      try load(first..<rows[positions.upperBound - 1] + 1)
      let kept =
        block.count == positions.count * width
        ? block
        : positions.flatMap { position -> ArraySlice<Element> in
          let start: Int = (rows[position] - first) * width
          return block[start..<start + width]
        }
      try copy.write(
        kept, start: [positions.lowerBound] + rowShape.map { _ in 0 }, count: [positions.count] + rowShape)
    }
  }

  func feed(row: Int, _ checksum: inout CRC32C) {
    checksum.update(block, row * width..<(row + 1) * width)
  }

  var reals: [Double] { Element.reals(block) }

  var integers: [Int] { Element.integers(block) }

  var floats: [Float] { block as? [Float] ?? [] }

  var texts: [String] { [] }
}

extension RunSchema.Column {
  /// Opens this column of a file for reading.
  func reader(in opened: RunFileOpening.Opened, rowShape: [Int]) throws -> any ColumnReader {
    let dataset = try opened.dataset(name)
    return switch number {
    case .float64: TypedColumnReader<Double>(dataset, rowShape: rowShape)
    case .float32: TypedColumnReader<Float>(dataset, rowShape: rowShape)
    case .int64: TypedColumnReader<Int64>(dataset, rowShape: rowShape)
    case .int32: TypedColumnReader<Int32>(dataset, rowShape: rowShape)
    case .uint32: TypedColumnReader<UInt32>(dataset, rowShape: rowShape)
    case .text: TextColumnReader(dataset)
    }
  }
}
