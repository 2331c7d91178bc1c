import HDF5

/// One row of one column before it takes its stored format.
enum RowValue {
  case reals([Double])
  case floats([Float])
  case integers([Int])
}

/// A number that a column can hold.
protocol RowElement: HDF5Element, ChecksummedElement {
  /// The row in this format; nil where the row is of another kind or a number does not fit.
  static func elements(of value: RowValue) -> [Self]?
  /// The number as float64.
  var real: Double { get }
  /// The number as an integer; nil where it is none.
  var integer: Int? { get }
}

extension Double: RowElement {
  static func elements(of value: RowValue) -> [Double]? {
    if case .reals(let values) = value { values } else { nil }
  }
  var real: Double { self }
  var integer: Int? { Int(exactly: self) }
}

extension Float: RowElement {
  static func elements(of value: RowValue) -> [Float]? {
    if case .floats(let values) = value { values } else { nil }
  }
  var real: Double { Double(self) }
  var integer: Int? { Int(exactly: self) }
}

extension RowElement where Self: FixedWidthInteger {
  static func elements(of value: RowValue) -> [Self]? {
    guard case .integers(let values) = value else { return nil }
    var elements: [Self] = []
    elements.reserveCapacity(values.count)
    for value in values {
      guard let element = Self(exactly: value) else { return nil }
      elements.append(element)
    }
    return elements
  }
  var real: Double { Double(self) }
  var integer: Int? { Int(exactly: self) }
}

extension Int64: RowElement {}
extension Int32: RowElement {}
extension UInt32: RowElement {}
