import CProcessor

/// A left factor of the products of panels: a matrix as it lies, or transposed.
@safe
struct LeftFactor<Scalar: KernelScalar> {
  private let base: UnsafePointer<Scalar>
  let rows: Int
  private let rowStride: Int
  private let stepStride: Int

  init(_ matrix: Matrix<Scalar>, isTransposed: Bool = false) {
    unsafe base = unsafe UnsafePointer(matrix.base)
    rows = isTransposed ? matrix.width : matrix.rows
    (rowStride, stepStride) = isTransposed ? (1, matrix.stride) : (matrix.stride, 1)
  }

  /// The rows of a tile, from one step of the sum on; behind the last row it is repeated.
  @inline(__always)
  fileprivate func tile(_ rows: Range<Int>, from step: Int) -> TileRows<Scalar> {
    let last = rows.count - 1
    return unsafe TileRows(
      base: base + rows.lowerBound * rowStride + step * stepStride, stepStride: stepStride,
      areAdjacent: rowStride == 1 && rows.count == TileRows<Scalar>.count,
      offsets: (
        min(1, last) * rowStride, min(2, last) * rowStride, min(3, last) * rowStride,
        min(4, last) * rowStride,
        min(5, last) * rowStride
      ))
  }
}

/// `output = alpha * a * b`, or added to what is there, on this thread, of parts that matter: each tile of some rows and columns of the
/// output adds up the steps that its rows have, and is left as it is where its rows see none of its columns.
///
/// A library packs both factors and looks at none of what is zero: for the small products of attention, where every row sees another
/// number of keys, this takes half the time. Each element is one chain of additions in the order of the steps.
///
/// - Parameters:
///   - firstPanelRow: the row of `b` that step 0 meets.
///   - columns: the columns of the output that some of the given rows want.
///   - steps: the steps at which the given rows of `a` are not zero.
@inline(__always)
func product<Scalar: KernelScalar>(
  _ a: LeftFactor<Scalar>, _ b: Panels<Scalar>, firstPanelRow: Int = 0, firstPanelColumn: Int = 0,
  alpha: Scalar = 1,
  accumulating: Bool = false, into output: Matrix<Scalar>,
  columns: (_ rows: Range<Int>) -> Range<Int>, steps: (_ rows: Range<Int>) -> Range<Int>
) {
  let laneCount = Row<Scalar>.laneCount
  precondition(output.rows == a.rows && firstPanelColumn % laneCount == 0)
  precondition(firstPanelColumn + output.width <= b.paddedWidth)
  // With registers of 64 bytes, two panels keep as many sums in flight as one does with registers of 32.
  let panelsOfTile = nf_probe_wide_registers == 1 ? 2 : 1
  var row = 0
  while row < output.rows {
    let rows = row..<min(row + TileRows<Scalar>.count, output.rows)
    row = rows.upperBound
    let (wanted, steps) = (columns(rows), steps(rows))
    let left = a.tile(rows, from: steps.lowerBound)
    let target = TileTarget(rows: output.rows(rows), alpha: alpha, isAccumulating: accumulating)
    var column = wanted.lowerBound / laneCount * laneCount
    while column < wanted.upperBound {
      let panel = unsafe UnsafePointer(b.base) + (firstPanelColumn + column) * b.rows
      let values = unsafe panel + (firstPanelRow + steps.lowerBound) * laneCount
      if panelsOfTile == 2, column + laneCount < wanted.upperBound {
        let tiles = unsafe left.products(values, values + b.rows * laneCount, steps: steps.count)
        target.store(tiles.0, column)
        target.store(tiles.1, column + laneCount)
        column += 2 * laneCount
      } else {
        let tile =
          unsafe left.areAdjacent
          ? left.productOfAdjacentRows(values, steps: steps.count) : left.product(values, steps: steps.count)
        target.store(tile, column)
        column += laneCount
      }
    }
  }
}

/// Sums of one panel's columns for the rows of a tile: as many as the registers hold.
private struct Tile<Scalar: KernelScalar> {
  typealias Lanes = Scalar.Lanes
  var row0 = Lanes()
  var row1 = Lanes()
  var row2 = Lanes()
  var row3 = Lanes()
  var row4 = Lanes()
  var row5 = Lanes()

  @inline(__always)
  mutating func add(_ factors: (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes), times values: Lanes) {
    row0 = Scalar.multiplyAdd(factors.0, values, row0)
    row1 = Scalar.multiplyAdd(factors.1, values, row1)
    row2 = Scalar.multiplyAdd(factors.2, values, row2)
    row3 = Scalar.multiplyAdd(factors.3, values, row3)
    row4 = Scalar.multiplyAdd(factors.4, values, row4)
    row5 = Scalar.multiplyAdd(factors.5, values, row5)
  }
}

/// The left factor's rows of one tile.
@safe
private struct TileRows<Scalar: KernelScalar> {
  typealias Lanes = Scalar.Lanes
  static var count: Int { 6 }

  let base: UnsafePointer<Scalar>
  let stepStride: Int
  /// Whether all rows are there, and a step's factors side by side.
  let areAdjacent: Bool
  /// From the first row to the others.
  let offsets: (Int, Int, Int, Int, Int)

  @inline(__always)
  private func factors(_ a: UnsafePointer<Scalar>) -> (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes) {
    unsafe (
      Lanes(repeating: a[0]), Lanes(repeating: a[offsets.0]), Lanes(repeating: a[offsets.1]),
      Lanes(repeating: a[offsets.2]), Lanes(repeating: a[offsets.3]), Lanes(repeating: a[offsets.4])
    )
  }

  @inline(__always)
  private func adjacentFactors(_ a: UnsafePointer<Scalar>) -> (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes) {
    unsafe (
      Lanes(repeating: a[0]), Lanes(repeating: a[1]), Lanes(repeating: a[2]), Lanes(repeating: a[3]),
      Lanes(repeating: a[4]), Lanes(repeating: a[5])
    )
  }

  @inline(__always)
  func product(_ panel: UnsafePointer<Scalar>, steps: Int) -> Tile<Scalar> {
    unsafe product(panel, steps: steps) { unsafe factors($0) }
  }

  /// The same where rows are adjacent: one address, where six would not fit the registers.
  @inline(__always)
  func productOfAdjacentRows(_ panel: UnsafePointer<Scalar>, steps: Int) -> Tile<Scalar> {
    unsafe product(panel, steps: steps) { unsafe adjacentFactors($0) }
  }

  @inline(__always)
  private func product(
    _ panel: UnsafePointer<Scalar>, steps: Int,
    factors: (UnsafePointer<Scalar>) -> (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes)
  ) -> Tile<Scalar> {
    var tile = Tile<Scalar>()
    var (a, b) = unsafe (base, UnsafeRawPointer(panel))
    for _ in 0..<steps {
      tile.add(unsafe factors(a), times: unsafe b.loadUnaligned(as: Lanes.self))
      unsafe a += stepStride
      unsafe b += MemoryLayout<Lanes>.size
    }
    return tile
  }

  /// Of two panels.
  @inline(__always)
  func products(
    _ first: UnsafePointer<Scalar>, _ second: UnsafePointer<Scalar>, steps: Int
  ) -> (Tile<Scalar>, Tile<Scalar>) {
    var tiles = (Tile<Scalar>(), Tile<Scalar>())
    var (a, b, c) = unsafe (base, UnsafeRawPointer(first), UnsafeRawPointer(second))
    for _ in 0..<steps {
      let factors = unsafe factors(a)
      tiles.0.add(factors, times: unsafe b.loadUnaligned(as: Lanes.self))
      tiles.1.add(factors, times: unsafe c.loadUnaligned(as: Lanes.self))
      unsafe a += stepStride
      unsafe b += MemoryLayout<Lanes>.size
      unsafe c += MemoryLayout<Lanes>.size
    }
    return tiles
  }
}

/// Where a tile's sums go.
private struct TileTarget<Scalar: KernelScalar> {
  let rows: Matrix<Scalar>
  let alpha: Scalar
  let isAccumulating: Bool

  @inline(__always)
  func store(_ tile: Tile<Scalar>, _ column: Int) {
    let count = min(Row<Scalar>.laneCount, rows.width - column)
    store(tile.row0, 0, column, count)
    store(tile.row1, 1, column, count)
    store(tile.row2, 2, column, count)
    store(tile.row3, 3, column, count)
    store(tile.row4, 4, column, count)
    store(tile.row5, 5, column, count)
  }

  @inline(__always)
  private func store(_ sum: Scalar.Lanes, _ row: Int, _ column: Int, _ count: Int) {
    guard row < rows.rows else { return }
    let output = rows[row]
    let factor = Scalar.Lanes(repeating: alpha)
    output.store(
      isAccumulating ? Scalar.multiplyAdd(sum, factor, output.lanes(column, count)) : sum * factor, column,
      count)
  }
}
