import CProcessor
import Glibc
import RealModule

extension Double: KernelScalar {
  /// Eight at a time.
  public typealias Lanes = SIMD8<Double>

  /// libm's, lane by lane.
  @inlinable
  public static func exp(_ x: SIMD8<Double>) -> SIMD8<Double> {
    var result = x
    for lane in result.indices { result[lane] = Glibc.exp(x[lane]) }
    return result
  }

  /// libm's `erfc`, lane by lane.
  @inlinable
  public static func normalCDF(_ x: SIMD8<Double>, exponential: SIMD8<Double>) -> SIMD8<Double> {
    var result = x
    for lane in result.indices { result[lane] = 0.5 * Glibc.erfc(-x[lane] * 0.5.squareRoot()) }
    return result
  }

  /// libm's, lane by lane.
  @inlinable
  public static func tanh(_ x: SIMD8<Double>) -> SIMD8<Double> {
    var result = x
    for lane in result.indices { result[lane] = Glibc.tanh(x[lane]) }
    return result
  }

  /// Compared as they are: not-a-numbers are not above zero.
  @inline(__always)
  public static func isPositive(_ x: SIMD8<Double>) -> SIMD8<Double> {
    SIMD8(repeating: 0).replacing(with: 1, where: x .> 0)
  }

  /// One instruction or two.
  @inline(__always)
  public static func multiplyAdd(
    _ x: SIMD8<Double>, _ y: SIMD8<Double>, _ sum: SIMD8<Double>
  ) -> SIMD8<Double> { nf_probe_multiply_add_doubles(x, y, sum) }

  /// Under a mask, or in pieces.
  @inline(__always)
  public static func lanes(at address: UnsafePointer<Double>, count: Int) -> SIMD8<Double> {
    unsafe nf_probe_load_doubles(address, count)
  }

  /// In pieces.
  @inline(__always)
  public static func store(_ x: SIMD8<Double>, count: Int, at address: UnsafeMutablePointer<Double>) {
    unsafe nf_probe_store_doubles(x, count, address)
  }

  /// By the lanes' numbers.
  @inline(__always)
  public static func keeping(_ x: SIMD8<Double>, in lanes: Range<Int>, else other: Double) -> SIMD8<Double> {
    nf_probe_keep_doubles(x, Int64(lanes.lowerBound), Int64(lanes.upperBound), other)
  }

  /// One by one.
  @inline(__always)
  public static func transpose8(
    _ rows: UnsafePointer<Double>, stride: Int, into columns: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<8 {
      for column in 0..<8 { unsafe columns[column * 8 + row] = rows[row * stride + column] }
    }
  }

  /// Clears the sign bits.
  @inline(__always)
  public static func magnitude(_ x: SIMD8<Double>) -> SIMD8<Double> {
    unsafe unsafeBitCast(
      unsafeBitCast(x, to: SIMD8<UInt64>.self) & 0x7FFF_FFFF_FFFF_FFFF, to: SIMD8<Double>.self)
  }

  /// Nothing is above a not-a-number, so one stays once it is there.
  @inline(__always)
  public static func maximum(_ x: SIMD8<Double>, _ y: SIMD8<Double>) -> SIMD8<Double> {
    x.replacing(with: y, where: (y .> x) .| (y .!= y))
  }

  /// Lanes are compared as integers. Exact up to 2⁵³ a lane.
  @inline(__always)
  public static func countSameBits(
    _ x: SIMD8<Double>, _ y: SIMD8<Double>, adding counts: SIMD8<Double>
  ) -> SIMD8<Double> {
    let bits = unsafe (unsafeBitCast(x, to: SIMD8<Int64>.self), unsafeBitCast(y, to: SIMD8<Int64>.self))
    return counts.replacing(with: counts + 1, where: bits.0 .== bits.1)
  }

  /// Exact up to 2⁵³ a lane.
  @inline(__always)
  public static func countZeros(_ x: SIMD8<Double>, adding counts: SIMD8<Double>) -> SIMD8<Double> {
    counts.replacing(with: counts + 1, where: x .== 0)
  }

  /// Lane by lane, which the compiler makes one instruction of; SIMD's own `squareRoot()` stays sixteen.
  @inline(__always)
  public static func squareRoot(_ x: SIMD8<Double>) -> SIMD8<Double> {
    var result = x
    for lane in 0..<8 { result[lane] = x[lane].squareRoot() }
    return result
  }

  /// Nothing to widen.
  @inline(__always)
  public static func widened(_ x: SIMD8<Double>) -> (SIMD8<Double>, SIMD8<Double>) { (x, SIMD8()) }

  /// Nothing to widen.
  @inline(__always)
  public static func wideLanes(at address: UnsafeRawPointer) -> (SIMD8<Double>, SIMD8<Double>) {
    unsafe (address.loadUnaligned(as: SIMD8<Double>.self), SIMD8())
  }
}
