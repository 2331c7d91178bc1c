import CProcessor
import RealModule

extension Float: KernelScalar {
  /// Sixteen at a time.
  public typealias Lanes = SIMD16<Float>

  /// Range reduction to |r| <= ln2/2 and a polynomial in r; 2ⁿ is added to the exponent bits.
  ///
  /// Coefficients: minimax fit of eʳ on [-ln2/2, ln2/2], relative error 3e-9 (`scripts/fit-kernels.py`).
  @inline(__always)
  public static func exp(_ x: SIMD16<Float>) -> SIMD16<Float> {
    // Below -87.33 the result would be subnormal; above 88.72 infinite.
    let clamped = x.replacing(with: -87.33, where: x .< -87.33).replacing(with: 88.72, where: x .> 88.72)
    // Adding 1.5·2²³ leaves the rounded integer n in the low bits of the sum.
    let shifted = multiplyAdd(clamped, SIMD16(repeating: 1.442_695_04), SIMD16(repeating: 12_582_912))
    let n = shifted - 12_582_912
    // ln2 in two parts: the first has few enough bits that n times it is exact.
    let coarse = multiplyAdd(n, SIMD16(repeating: -0.693_359_375), clamped)
    let r = multiplyAdd(n, SIMD16(repeating: 2.121_944_4e-4), coarse)
    var p = SIMD16<Float>(repeating: 1.381_460_58e-3)
    p = multiplyAdd(p, r, SIMD16(repeating: 8.368_713_78e-3))
    p = multiplyAdd(p, r, SIMD16(repeating: 4.166_838_9e-2))
    p = multiplyAdd(p, r, SIMD16(repeating: 0.166_665_211))
    p = multiplyAdd(p, r, SIMD16(repeating: 0.499_999_94))
    p = multiplyAdd(p, r, SIMD16(repeating: 1))
    p = multiplyAdd(p, r, SIMD16(repeating: 1))
    let exponent = unsafe unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &<< 23
    let result = unsafe unsafeBitCast(
      unsafeBitCast(p, to: SIMD16<UInt32>.self) &+ exponent, to: SIMD16<Float>.self)
    return result.replacing(with: 0, where: x .< -87.33).replacing(with: Float.infinity, where: x .> 88.72)
  }

  /// Φ(-|x|) = exp(-x²/2) · P(t) with t = 1 / (1 + p|x|), so that the tail keeps its relative accuracy; Φ(x) by
  /// symmetry.
  ///
  /// Coefficients: minimax fit for |x| <= 14, relative error 2e-8 (`scripts/fit-kernels.py`).
  @inline(__always)
  public static func normalCDF(_ x: SIMD16<Float>, exponential: SIMD16<Float>) -> SIMD16<Float> {
    let magnitude = x.replacing(with: -x, where: x .< 0)
    let t = 1 / multiplyAdd(magnitude, SIMD16(repeating: 0.21), SIMD16(repeating: 1))
    var polynomial = SIMD16<Float>(repeating: -0.0716562569)
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: 0.28358829))
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: -0.330252737))
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: 0.349400192))
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: -0.0939246193))
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: 0.124872468))
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: 0.0691922382))
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: 0.0850688517))
    polynomial = multiplyAdd(polynomial, t, SIMD16(repeating: 0.0837115794))
    let tail = exponential * polynomial * t
    return tail.replacing(with: 1 - tail, where: x .> 0)
  }

  /// `x + x³ P(x²)` for |x| <= 0.625, beyond it `1 - 2 / (e^2|x| + 1)` with x's sign.
  ///
  /// Coefficients: minimax fit for |x| <= 0.625, relative error 5e-9 (`scripts/fit-kernels.py`).
  @inline(__always)
  public static func tanh(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let square = x * x
    var polynomial = SIMD16<Float>(repeating: -5.704_893_19e-3)
    polynomial = multiplyAdd(polynomial, square, SIMD16(repeating: 2.063_900_74e-2))
    polynomial = multiplyAdd(polynomial, square, SIMD16(repeating: -5.373_969_2e-2))
    polynomial = multiplyAdd(polynomial, square, SIMD16(repeating: 0.133_314_419))
    polynomial = multiplyAdd(polynomial, square, SIMD16(repeating: -0.333_332_819))
    let near = multiplyAdd(x * square, polynomial, x)
    let magnitude = magnitude(x)
    let far = 1 - 2 / (exp(magnitude + magnitude) + 1)
    return near.replacing(with: far.replacing(with: -far, where: x .< 0), where: magnitude .> 0.625)
  }

  /// Compared as they are: not-a-numbers are not above zero.
  @inline(__always)
  public static func isPositive(_ x: SIMD16<Float>) -> SIMD16<Float> {
    SIMD16(repeating: 0).replacing(with: 1, where: x .> 0)
  }

  /// One instruction or two.
  @inline(__always)
  public static func multiplyAdd(
    _ x: SIMD16<Float>, _ y: SIMD16<Float>, _ sum: SIMD16<Float>
  ) -> SIMD16<Float> { nf_probe_multiply_add_floats(x, y, sum) }

  /// Under a mask, or in pieces.
  @inline(__always)
  public static func lanes(at address: UnsafePointer<Float>, count: Int) -> SIMD16<Float> {
    unsafe nf_probe_load_floats(address, count)
  }

  /// In pieces.
  @inline(__always)
  public static func store(_ x: SIMD16<Float>, count: Int, at address: UnsafeMutablePointer<Float>) {
    unsafe nf_probe_store_floats(x, count, address)
  }

  /// By the lanes' numbers.
  @inline(__always)
  public static func keeping(_ x: SIMD16<Float>, in lanes: Range<Int>, else other: Float) -> SIMD16<Float> {
    nf_probe_keep_floats(x, Int32(lanes.lowerBound), Int32(lanes.upperBound), other)
  }

  /// In registers.
  @inline(__always)
  public static func transpose8(
    _ rows: UnsafePointer<Float>, stride: Int, into columns: UnsafeMutablePointer<Float>
  ) {
    unsafe nf_probe_transpose8(rows, stride, columns, 16)
  }

  /// Clears the sign bits.
  @inline(__always)
  public static func magnitude(_ x: SIMD16<Float>) -> SIMD16<Float> {
    unsafe unsafeBitCast(unsafeBitCast(x, to: SIMD16<UInt32>.self) & 0x7FFF_FFFF, to: SIMD16<Float>.self)
  }

  /// Nothing is above a not-a-number, so one stays once it is there.
  @inline(__always)
  public static func maximum(_ x: SIMD16<Float>, _ y: SIMD16<Float>) -> SIMD16<Float> {
    x.replacing(with: y, where: (y .> x) .| (y .!= y))
  }

  /// Lanes are compared as integers. Exact up to 2²⁴ a lane.
  @inline(__always)
  public static func countSameBits(
    _ x: SIMD16<Float>, _ y: SIMD16<Float>, adding counts: SIMD16<Float>
  ) -> SIMD16<Float> {
    let bits = unsafe (unsafeBitCast(x, to: SIMD16<Int32>.self), unsafeBitCast(y, to: SIMD16<Int32>.self))
    return counts.replacing(with: counts + 1, where: bits.0 .== bits.1)
  }

  /// Exact up to 2²⁴ a lane.
  @inline(__always)
  public static func countZeros(_ x: SIMD16<Float>, adding counts: SIMD16<Float>) -> SIMD16<Float> {
    counts.replacing(with: counts + 1, where: x .== 0)
  }

  /// Lane by lane, which the compiler makes one instruction of; SIMD's own `squareRoot()` stays sixteen.
  @inline(__always)
  public static func squareRoot(_ x: SIMD16<Float>) -> SIMD16<Float> {
    var result = x
    for lane in 0..<16 { result[lane] = x[lane].squareRoot() }
    return result
  }

  /// Exact.
  @inline(__always)
  public static func widened(_ x: SIMD16<Float>) -> (SIMD8<Double>, SIMD8<Double>) {
    (nf_probe_widen(x.lowHalf), nf_probe_widen(x.highHalf))
  }

  /// Exact.
  @inline(__always)
  public static func wideLanes(at address: UnsafeRawPointer) -> (SIMD8<Double>, SIMD8<Double>) {
    unsafe (wideHalf(at: address), wideHalf(at: address + 32))
  }

  @inline(__always)
  private static func wideHalf(at address: UnsafeRawPointer) -> SIMD8<Double> {
    nf_probe_widen(unsafe address.loadUnaligned(as: SIMD8<Float>.self))
  }
}
