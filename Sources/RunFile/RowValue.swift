import Checksums
import HDF5

/// One row of one column before it takes its stored format.
enum RowValue {
  case reals([Double])
  case floats([Float])
  case integers([Int])
}

/// A number that a column can hold. The conversions take whole arrays, so that their loops are compiled for each type.
protocol RowElement: HDF5Element, ChecksummedElement {
  /// The row in this format; nil where the row is of another kind or a number does not fit.
  static func elements(of value: RowValue) -> [Self]?
  /// The numbers as float64.
  static func reals(_ block: [Self]) -> [Double]
  /// The numbers as integers, without those that are none.
  static func integers(_ block: [Self]) -> [Int]
}

extension Double: RowElement {
  static func elements(of value: RowValue) -> [Double]? {
    if case .reals(let values) = value { values } else { nil }
  }
  static func reals(_ block: [Double]) -> [Double] { block }
  static func integers(_ block: [Double]) -> [Int] { block.compactMap { Int(exactly: $0) } }
}

extension Float: RowElement {
  static func elements(of value: RowValue) -> [Float]? {
    if case .floats(let values) = value { values } else { nil }
  }
  static func reals(_ block: [Float]) -> [Double] { block.map { Double($0) } }
  static func integers(_ block: [Float]) -> [Int] { block.compactMap { Int(exactly: $0) } }
}

extension Int64: RowElement {
  static func elements(of value: RowValue) -> [Int64]? { exactly(value) }
  static func reals(_ block: [Int64]) -> [Double] { block.map { Double($0) } }
  static func integers(_ block: [Int64]) -> [Int] { block.map { Int($0) } }
}

extension Int32: RowElement {
  static func elements(of value: RowValue) -> [Int32]? { exactly(value) }
  static func reals(_ block: [Int32]) -> [Double] { block.map { Double($0) } }
  static func integers(_ block: [Int32]) -> [Int] { block.map { Int($0) } }
}

extension UInt32: RowElement {
  static func elements(of value: RowValue) -> [UInt32]? { exactly(value) }
  static func reals(_ block: [UInt32]) -> [Double] { block.map { Double($0) } }
  static func integers(_ block: [UInt32]) -> [Int] { block.map { Int($0) } }
}

@inline(__always)
private func exactly<Element: FixedWidthInteger>(_ value: RowValue) -> [Element]? {
  guard case .integers(let values) = value else { return nil }
  var elements: [Element] = []
  elements.reserveCapacity(values.count)
  for value in values {
    guard let element = Element(exactly: value) else { return nil }
    elements.append(element)
  }
  return elements
}
