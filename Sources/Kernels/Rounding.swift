import Architecture

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

/// `output[i] = input[i]`, rounded, of some rows alone, each as often as it is named.
///
/// Threads take columns, so that equal rows never meet.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func roundRows<Scalar: KernelScalar>(
  _ rows: Row<Int32>, of input: Matrix<Scalar>, into output: Matrix<Scalar>, to precision: Precision,
  team: Team
) {
  precondition(input.hasShape(of: output))
  let laneCount = Row<Scalar>.laneCount
  team.split(input.width, grain: laneCount, multiple: laneCount) { columns, _ in
    for index in 0..<rows.count {
      let (from, to) = (input[Int(rows[index])], output[Int(rows[index])])
      forEachLanes(of: Scalar.self, in: columns) { index, count in
        to.store(Scalar.rounded(from.lanes(index, count), to: precision), index, count)
      }
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

  // Comparisons are of floats: those of integers come out lane by lane.

  /// float32 without its last 13 bits where the result is a normal number of 16 bits, a multiple of 2⁻²⁴ below.
  @inline(__always)
  private static func roundedToFP16(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let magnitude = magnitude(x)
    let bits = unsafe unsafeBitCast(magnitude, to: SIMD16<Int32>.self)
    // Half of the last place that is kept, less the last bit where that place is even: a tie goes to even. A carry goes on
    // into the exponent, as it should.
    let kept = (bits &+ 0xFFF &+ ((bits &>> 13) & 1)) & ~0x1FFF
    // Numbers from 0.5 on are multiples of 2⁻²⁴, so adding 0.5 rounds a small one to such a multiple.
    let rounded = unsafe unsafeBitCast(kept, to: SIMD16<Float>.self)
      .replacing(with: magnitude + 0.5 - 0.5, where: magnitude .< 0x1p-14)
      // The middle between 65504 and the next number there would be.
      .replacing(with: .infinity, where: magnitude .>= 65520)
      .replacing(with: magnitude, where: magnitude .!= magnitude)
    return withSign(of: x, rounded)
  }

  /// float32 without its last 16 bits; the range, subnormal numbers included, is the same but for the top.
  @inline(__always)
  private static func roundedToBF16(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let magnitude = magnitude(x)
    let bits = unsafe unsafeBitCast(magnitude, to: SIMD16<Int32>.self)
    let kept = (bits &+ 0x7FFF &+ ((bits &>> 16) & 1)) & ~0xFFFF
    let rounded = unsafe unsafeBitCast(kept, to: SIMD16<Float>.self)
      .replacing(with: magnitude, where: magnitude .!= magnitude)
    return withSign(of: x, rounded)
  }

  @inline(__always)
  private static func withSign(of x: SIMD16<Float>, _ magnitude: SIMD16<Float>) -> SIMD16<Float> {
    unsafe unsafeBitCast(
      unsafeBitCast(x, to: SIMD16<Int32>.self) & Int32.min
        | unsafeBitCast(magnitude, to: SIMD16<Int32>.self), to: SIMD16<Float>.self)
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
