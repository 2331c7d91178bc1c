import Architecture

/// A floating-point type that the kernels compute in: `Float` trains, `Double` checks gradients.
///
/// Kernels are written once over `Lanes`, a 64-byte vector of the type.
public protocol KernelScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable, FactorScalar
where Sum == Self {
  /// 64 bytes of scalars.
  associatedtype Lanes: SIMD & Sendable where Lanes.Scalar == Self

  /// e to each lane; relative error below 2 ulp, 0 below the range of normal numbers, infinity above it.
  static func exp(_ x: Lanes) -> Lanes

  /// The standard normal distribution function of each lane, given `exp(-x²/2)`.
  static func normalCDF(_ x: Lanes, exponential: Lanes) -> Lanes

  /// The hyperbolic tangent of each lane; relative error below 4 ulp.
  static func tanh(_ x: Lanes) -> Lanes

  // Comparisons and the like: in generic code SIMD's own are loops over lanes, in concrete code one instruction.

  /// |x| of each lane.
  static func magnitude(_ x: Lanes) -> Lanes

  /// The larger of two lanes; not a number where either is.
  static func maximum(_ x: Lanes, _ y: Lanes) -> Lanes

  /// `x y + sum` of each lane, rounded once where the processor that kernels are compiled for does so in one instruction.
  static func multiplyAdd(_ x: Lanes, _ y: Lanes, _ sum: Lanes) -> Lanes

  /// `x` in some lanes, `other` in those before and behind.
  static func keeping(_ x: Lanes, in lanes: Range<Int>, else other: Self) -> Lanes

  /// The first `count` numbers from an address on, fewer than a vector has; zero in the other lanes.
  static func lanes(at address: UnsafePointer<Self>, count: Int) -> Lanes

  /// Stores the first `count` lanes, fewer than there are.
  static func store(_ x: Lanes, count: Int, at address: UnsafeMutablePointer<Self>)

  /// Eight rows of eight numbers, `stride` apart, as eight columns of rows that are a vector apart.
  static func transpose8(_ rows: UnsafePointer<Self>, stride: Int, into columns: UnsafeMutablePointer<Self>)

  /// 1 where a lane is above zero, else 0.
  static func isPositive(_ x: Lanes) -> Lanes

  /// `counts`, one more where a lane of `x` is zero.
  static func countZeros(_ x: Lanes, adding counts: Lanes) -> Lanes

  /// `counts`, one more where the lanes of `x` and `y` have the same bits.
  static func countSameBits(_ x: Lanes, _ y: Lanes, adding counts: Lanes) -> Lanes

  /// The square root of each lane.
  static func squareRoot(_ x: Lanes) -> Lanes

  /// The lanes as float64, in two halves (the second zero for `Double`).
  static func widened(_ x: Lanes) -> (SIMD8<Double>, SIMD8<Double>)

  /// As many numbers as `Lanes` has from an address on, as ``widened(_:)`` has them.
  static func wideLanes(at address: UnsafeRawPointer) -> (SIMD8<Double>, SIMD8<Double>)

  /// Natural logarithm of one positive number.
  static func log(_ x: Self) -> Self

  /// Each lane rounded to a format: to nearest, ties to even, infinite beyond the range, subnormal numbers kept.
  static func rounded(_ x: Lanes, to precision: Precision) -> Lanes

  /// What factors of native products are made of, whose sums are of this type.
  associatedtype Half: FactorScalar where Half.Sum == Self

  /// Stores the first `count` lanes, rounded to bfloat16.
  static func storeHalves(_ x: Lanes, count: Int, at address: UnsafeMutablePointer<Half>)
}

extension KernelScalar {
  /// `x` in the first lanes, `other` in those behind.
  @inline(__always)
  static func keeping(_ x: Lanes, first count: Int, else other: Self) -> Lanes {
    count == Row<Self>.laneCount ? x : keeping(x, in: 0..<count, else: other)
  }
}
