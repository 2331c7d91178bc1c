/// A view of one row of scalars in a ``Buffer``.
///
/// Element access is not checked: kernels check counts once, at entry.
@safe
public struct Row<Scalar: BitwiseCopyable & Sendable>: @unchecked Sendable {
  let base: UnsafeMutablePointer<Scalar>
  /// Number of scalars.
  public let count: Int

  init(base: UnsafeMutablePointer<Scalar>, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  /// The element at `index`.
  @inline(__always)
  public subscript(index: Int) -> Scalar {
    get { unsafe base[index] }
    nonmutating set { unsafe base[index] = newValue }
  }

  /// A part of the row.
  public func slice(_ range: Range<Int>) -> Row {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice \(range) of a row of \(count)")
    return unsafe Row(base: base + range.lowerBound, count: range.count)
  }

  /// The scalars as a matrix of `count / width` rows.
  public func matrix(width: Int) -> Matrix<Scalar> {
    precondition(width > 0 && count % width == 0, "\(count) scalars are no matrix of width \(width)")
    return unsafe Matrix(base: base, rows: count / width, width: width, stride: width)
  }

  /// Copies the scalars into an array.
  public func array() -> [Scalar] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }

  /// Overwrites the scalars.
  /// - Precondition: `values.count == count`.
  public func assign(_ values: some Collection<Scalar>) {
    precondition(values.count == count, "\(values.count) values for a row of \(count)")
    // At once where they lie so: one by one, an element of a generic row takes a hundred times as long.
    let isDone: Void? = values.withContiguousStorageIfAvailable { values in
      guard let source = values.baseAddress else { return }
      unsafe base.update(from: source, count: count)
    }
    if isDone == nil { for (index, value) in values.enumerated() { self[index] = value } }
  }
}

/// A view of a row-major matrix in a ``Buffer``: `rows` rows of `width` scalars, `stride` scalars apart.
@safe
public struct Matrix<Scalar: BitwiseCopyable & Sendable>: @unchecked Sendable {
  let base: UnsafeMutablePointer<Scalar>
  /// Number of rows.
  public let rows: Int
  /// Scalars in a row.
  public let width: Int
  /// Scalars from one row's start to the next one's.
  public let stride: Int

  init(base: UnsafeMutablePointer<Scalar>, rows: Int, width: Int, stride: Int) {
    unsafe self.base = unsafe base
    self.rows = rows
    self.width = width
    self.stride = stride
  }

  /// One row.
  @inline(__always)
  public subscript(row: Int) -> Row<Scalar> { unsafe Row(base: base + row * stride, count: width) }

  /// Some of the rows.
  public func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return unsafe Matrix(
      base: base + range.lowerBound * stride, rows: range.count, width: width, stride: stride)
  }

  /// Some of the columns.
  public func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= width, "columns \(range) of \(width)")
    return unsafe Matrix(base: base + range.lowerBound, rows: rows, width: range.count, stride: stride)
  }

  /// Whether the rows lie back to back.
  public var isContiguous: Bool { stride == width }

  func hasShape(of other: Matrix) -> Bool { rows == other.rows && width == other.width }
}

extension Row where Scalar: KernelScalar {
  @inline(__always) static var laneCount: Int { 64 / MemoryLayout<Scalar>.stride }

  /// The `count` scalars from `index` on, the other lanes zero.
  @inline(__always)
  func lanes(_ index: Int, _ count: Int) -> Scalar.Lanes {
    if count == Self.laneCount {
      return unsafe UnsafeRawPointer(base + index).loadUnaligned(as: Scalar.Lanes.self)
    }
    return unsafe Scalar.lanes(at: base + index, count: count)
  }

  /// A whole vector of scalars from `index` on, widened.
  @inline(__always)
  func wideLanes(_ index: Int) -> (SIMD8<Double>, SIMD8<Double>) {
    unsafe Scalar.wideLanes(at: UnsafeRawPointer(base + index))
  }

  /// Stores the first `count` lanes from `index` on.
  @inline(__always)
  func store(_ lanes: Scalar.Lanes, _ index: Int, _ count: Int) {
    if count == Self.laneCount {
      unsafe UnsafeMutableRawPointer(base + index).storeBytes(of: lanes, as: Scalar.Lanes.self)
    } else {
      unsafe Scalar.store(lanes, count: count, at: base + index)
    }
  }

  /// Stores the lanes, or adds them to what is there.
  @inline(__always)
  func store(_ lanes: Scalar.Lanes, _ index: Int, _ count: Int, accumulating: Bool) {
    store(accumulating ? self.lanes(index, count) + lanes : lanes, index, count)
  }
}

/// Calls `body(index, count)` for each whole vector of `range`, then for the rest.
@inline(__always)
func forEachLanes<Scalar: KernelScalar>(
  of _: Scalar.Type, in range: Range<Int>, _ body: (_ index: Int, _ count: Int) -> Void
) {
  let laneCount = Row<Scalar>.laneCount
  var index = range.lowerBound
  while index + laneCount <= range.upperBound {
    body(index, laneCount)
    index += laneCount
  }
  if index < range.upperBound { body(index, range.upperBound - index) }
}

extension Row {
  /// This row and all that follows it in memory up to the end of `last`.
  /// - Precondition: `last` is the same row or lies behind it in the same buffer, with nothing else between them that is not
  ///   meant.
  public func extended(to last: Row) -> Row {
    let count = unsafe last.base - base + last.count
    precondition(count >= self.count, "the last row lies before the first")
    return unsafe Row(base: base, count: count)
  }
}
