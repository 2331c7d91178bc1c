import Glibc

/// Zeroed memory for scalars, aligned to 64 bytes, freed with its owner.
///
/// Views (``Matrix``, ``Row``) do not keep it alive: whoever makes views owns the buffer for as long as they are used.
@safe
public final class Buffer<Scalar: BitwiseCopyable & Sendable>: @unchecked Sendable {
  let base: UnsafeMutablePointer<Scalar>
  /// Number of scalars.
  public let count: Int

  /// Allocates `count` zeros.
  ///
  /// - Precondition: the memory can be had. Sizes that come from a user are checked before.
  public init(count: Int) {
    let byteCount = max(count, 1) * MemoryLayout<Scalar>.stride
    var memory: UnsafeMutableRawPointer?
    let status = unsafe posix_memalign(&memory, 64, byteCount)
    guard status == 0, let memory = unsafe memory else {
      preconditionFailure("no memory for \(byteCount) bytes")
    }
    unsafe memset(memory, 0, byteCount)
    unsafe base = memory.bindMemory(to: Scalar.self, capacity: count)
    self.count = count
  }

  deinit { unsafe free(base) }

  /// The scalars as one row.
  public var row: Row<Scalar> { unsafe Row(base: base, count: count) }

  /// A row of part of the scalars.
  public func row(_ range: Range<Int>) -> Row<Scalar> { row.slice(range) }

  /// `rows * width` scalars from `offset` on, as a matrix.
  public func matrix(offset: Int = 0, rows: Int, width: Int) -> Matrix<Scalar> {
    precondition(offset >= 0 && offset + rows * width <= count, "matrix outside the buffer")
    return unsafe Matrix(base: base + offset, rows: rows, width: width, stride: width)
  }
}
