import RunData

/// Rounds every element to a format, in place: to nearest, ties to even; too large ones become infinite, subnormal numbers
/// and signs of zeros stay, and what is not a number stays so. ``Precision/fp32`` leaves everything as it is.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func roundElements<Scalar: KernelScalar>(_ matrix: Matrix<Scalar>, to precision: Precision, team: Team)
{
  guard precision != .fp32 else { return }
  team.split(matrix.rows, grain: rowGrain(matrix.width)) { rows, _ in
    for row in rows { matrix[row].round(to: precision) }
  }
}

/// `output[i] = input[i]`, rounded to a format as ``roundElements(_:to:team:)`` does; both may be the same memory.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func roundElements<Scalar: KernelScalar>(
  _ input: Row<Scalar>, into output: Row<Scalar>, to precision: Precision, team: Team
) {
  precondition(input.count == output.count, "\(input.count) elements into \(output.count)")
  team.split(input.count, grain: 1 << 13, multiple: Row<Scalar>.laneCount) { range, _ in
    forEachLanes(of: Scalar.self, in: range) { index, count in
      output.store(Scalar.rounded(input.lanes(index, count), to: precision), index, count)
    }
  }
}

extension Row where Scalar: KernelScalar {
  /// Rounds every element, in place.
  @inline(__always)
  func round(to precision: Precision) {
    guard precision != .fp32 else { return }
    forEachLanes(of: Scalar.self, in: 0..<count) { index, count in
      store(Scalar.rounded(lanes(index, count), to: precision), index, count)
    }
  }
}

extension Float {
  /// Each lane rounded to a format; the lanes themselves for ``Precision/fp32``.
  @inline(__always)
  public static func rounded(_ x: SIMD16<Float>, to precision: Precision) -> SIMD16<Float> {
    switch precision {
    case .fp32: x
    case .bf16: roundedToBF16(x)
    case .fp16: roundedToFP16(x)
    }
  }

  /// float32 without its last 13 bits where the result is a normal number of 16 bits, a multiple of 2⁻²⁴ below.
  @inline(__always)
  private static func roundedToFP16(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let bits = unsafe unsafeBitCast(x, to: SIMD16<Int32>.self)
    let magnitude = bits & 0x7FFF_FFFF
    // Half of the last place that is kept, less the last bit where that place is even: a tie goes to even. A carry goes on
    // into the exponent, as it should.
    var rounded = (magnitude &+ 0xFFF &+ ((magnitude &>> 13) & 1)) & ~0x1FFF
    // Numbers from 0.5 on are multiples of 2⁻²⁴, so adding 0.5 rounds a small one to such a multiple.
    let small = unsafe unsafeBitCast(magnitude, to: SIMD16<Float>.self) + 0.5 - 0.5
    // Below 2⁻¹⁴.
    rounded.replace(
      with: unsafe unsafeBitCast(small, to: SIMD16<Int32>.self), where: magnitude .< 0x3880_0000)
    // From 65520 on, the middle between 65504 and the next number there would be.
    rounded.replace(with: 0x7F80_0000, where: magnitude .>= 0x477F_F000)
    rounded.replace(with: magnitude, where: magnitude .> 0x7F80_0000)
    return unsafe unsafeBitCast(rounded | (bits & Int32.min), to: SIMD16<Float>.self)
  }

  /// float32 without its last 16 bits; the range, subnormal numbers included, is the same but for the top.
  @inline(__always)
  private static func roundedToBF16(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let bits = unsafe unsafeBitCast(x, to: SIMD16<Int32>.self)
    let magnitude = bits & 0x7FFF_FFFF
    var rounded = (magnitude &+ 0x7FFF &+ ((magnitude &>> 16) & 1)) & ~0xFFFF
    rounded.replace(with: magnitude, where: magnitude .> 0x7F80_0000)
    return unsafe unsafeBitCast(rounded | (bits & Int32.min), to: SIMD16<Float>.self)
  }
}

extension Double {
  /// Each lane rounded to a format, one after another; the lanes themselves for ``Precision/fp32``.
  public static func rounded(_ x: SIMD8<Double>, to precision: Precision) -> SIMD8<Double> {
    guard precision != .fp32 else { return x }
    var result = x
    for lane in 0..<8 { result[lane] = x[lane].rounded(to: precision) }
    return result
  }

  /// By the definition of a binary format: the nearest multiple of the last place at this magnitude.
  private func rounded(to precision: Precision) -> Double {
    guard isFinite, self != 0 else { return self }
    let (fractionBits, leastExponent) = precision == .fp16 ? (10, -14) : (7, -126)
    let lastPlace = Double(
      sign: .plus, exponent: Swift.max(Int(exponent), leastExponent) - fractionBits, significand: 1)
    let rounded = (self / lastPlace).rounded(.toNearestOrEven) * lastPlace
    return rounded.magnitude > precision.outputLimit ? .infinity * rounded : rounded
  }
}
