import Checksums
import HDF5

/// One growing variable of an open run file and the rows that wait to be written to it.
protocol ColumnWriter: AnyObject {
  /// Takes the next row and feeds it to the row's checksum.
  /// - Returns: false where the value does not fit the column.
  func buffer(_ value: RowValue, _ checksum: inout CRC32C) -> Bool
  /// Takes back rows beyond `count` waiting ones.
  func trimBuffer(to count: Int)
  /// Writes the waiting rows behind the first `rows` and hands them to the operating system.
  func write(after rows: Int) throws
}

/// A ``ColumnWriter`` of one number format.
final class TypedColumnWriter<Element: RowElement>: ColumnWriter {
  private let dataset: HDF5Dataset
  private let rowShape: [Int]
  private let width: Int
  private var waiting: [Element] = []

  init(_ dataset: HDF5Dataset, rowShape: [Int]) {
    self.dataset = dataset
    self.rowShape = rowShape
    width = rowShape.reduce(1, *)
  }

  func buffer(_ value: RowValue, _ checksum: inout CRC32C) -> Bool {
    guard let elements = Element.elements(of: value), elements.count == width else { return false }
    checksum.update(elements)
    waiting.append(contentsOf: elements)
    return true
  }

  func trimBuffer(to count: Int) {
    waiting.removeLast(max(0, waiting.count - count * width))
  }

  func write(after rows: Int) throws {
    let count = waiting.count / width
    guard count > 0 else { return }
    try dataset.setShape([rows + count] + rowShape)
    try dataset.write(waiting, start: [rows] + rowShape.map { _ in 0 }, count: [count] + rowShape)
    try dataset.flush()
    waiting.removeAll(keepingCapacity: true)
  }
}

extension RunSchema.Column {
  /// Opens this column of a file for appending.
  func writer(in file: HDF5File, rowShape: [Int]) throws -> any ColumnWriter {
    let dataset = try file.dataset(name)
    return switch number {
    case .float64: TypedColumnWriter<Double>(dataset, rowShape: rowShape)
    case .float32: TypedColumnWriter<Float>(dataset, rowShape: rowShape)
    case .int64: TypedColumnWriter<Int64>(dataset, rowShape: rowShape)
    case .int32: TypedColumnWriter<Int32>(dataset, rowShape: rowShape)
    case .uint32: TypedColumnWriter<UInt32>(dataset, rowShape: rowShape)
    }
  }
}
