/// A matrix whose columns lie in panels of one vector each: of every panel the rows back to back, so that a product reads it from
/// front to end. Columns behind the last are zero.
@safe
struct Panels<Scalar: KernelScalar> {
  let base: UnsafeMutablePointer<Scalar>
  let rows: Int
  let width: Int

  /// Columns of all panels.
  var paddedWidth: Int { wholeLanes(width, of: Scalar.self) }

  private static var laneCount: Int { Row<Scalar>.laneCount }

  /// Scalars of scratch memory that panels of so many rows and columns take.
  static func scratchCount(rows: Int, width: Int) -> Int { rows * wholeLanes(width, of: Scalar.self) }

  /// Copies parts of equal width, one below the other.
  init(_ parts: [Matrix<Scalar>], scratch: Row<Scalar>) {
    self.init(rows: parts.map(\.rows).reduce(0, +), width: parts[0].width, scratch)
    var first = 0
    for part in parts {
      forEachLanes(of: Scalar.self, in: 0..<width) { column, count in
        for row in 0..<part.rows { put(part[row].lanes(column, count), row: first + row, column: column) }
      }
      first += part.rows
    }
  }

  /// Copies parts of equal width, one below the other, whose rows become columns.
  init(transposed parts: [Matrix<Scalar>], scratch: Row<Scalar>) {
    self.init(rows: parts[0].width, width: parts.map(\.rows).reduce(0, +), scratch)
    var first = 0
    for part in parts {
      addColumns(part, from: first)
      first += part.rows
    }
    zeroColumns(from: first)
  }

  private init(rows: Int, width: Int, _ scratch: Row<Scalar>) {
    precondition(
      scratch.count >= Self.scratchCount(rows: rows, width: width),
      "scratch of \(scratch.count) for (\(rows), \(width))")
    unsafe base = unsafe scratch.base
    (self.rows, self.width) = (rows, width)
  }

  /// Rows as columns from `first` on.
  private func addColumns(_ part: Matrix<Scalar>, from first: Int) {
    let laneCount = Self.laneCount
    var index = 0
    while index < part.rows {
      let (column, lane) = ((first + index) / laneCount * laneCount, (first + index) % laneCount)
      let panel = unsafe base + column * rows + lane
      // Eight by eight where they do not cross a panel's end: what most are.
      let isBlock = lane % 8 == 0 && index + 8 <= part.rows
      let whole = isBlock ? rows / 8 * 8 : 0
      for row in stride(from: 0, to: whole, by: 8) {
        unsafe Scalar.transpose8(part[index].base + row, stride: part.stride, into: panel + row * laneCount)
      }
      for other in 0..<(isBlock ? 8 : 1) {
        let source = part[index + other]
        for row in whole..<rows { unsafe panel[row * laneCount + other] = source[row] }
      }
      index += isBlock ? 8 : 1
    }
  }

  private func zeroColumns(from first: Int) {
    for column in first..<wholeLanes(first, of: Scalar.self) {
      let panel = unsafe base + column / Self.laneCount * Self.laneCount * rows + column % Self.laneCount
      for row in 0..<rows { unsafe panel[row * Self.laneCount] = 0 }
    }
  }

  @inline(__always)
  private func put(_ values: Scalar.Lanes, row: Int, column: Int) {
    let place = unsafe UnsafeMutableRawPointer(base + column * rows + row * Self.laneCount)
    unsafe place.storeBytes(of: values, as: Scalar.Lanes.self)
  }
}

/// So many scalars, and up to a whole vector.
@inline(__always)
func wholeLanes<Scalar: KernelScalar>(_ count: Int, of _: Scalar.Type) -> Int {
  let laneCount = Row<Scalar>.laneCount
  return (count + laneCount - 1) / laneCount * laneCount
}
