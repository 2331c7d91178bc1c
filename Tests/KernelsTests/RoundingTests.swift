import Architecture
import Kernels
import RunData
import Testing

/// Rounding to 16 bits against the language's own `Float16`, and against the definition.
@Suite struct RoundingTests {
  private func rounded(_ values: [Float], to precision: Precision) -> [Float] {
    let (from, to) = (Buffer<Float>(count: values.count), Buffer<Float>(count: values.count))
    from.row.assign(values)
    roundElements(from.row, into: to.row, to: precision, team: Team(threadCount: 2))
    return to.row.array()
  }

  /// The same bits, or both not a number.
  private func mismatches(_ values: [Float], to precision: Precision, _ expected: (Float) -> Float) -> [Float]
  {
    zip(values, rounded(values, to: precision)).filter { value, found in
      let right = expected(value)
      return found.bitPattern != right.bitPattern && !(found.isNaN && right.isNaN)
    }.map(\.0)
  }

  /// float32 numbers at and around every number of a format and every middle between two, of both signs.
  private func cases(_ bits: (UInt16) -> Float) -> [Float] {
    (UInt16(0)...0x7FFF).flatMap { pattern -> [Float] in
      let (low, high) = (bits(pattern), bits(pattern &+ 1))
      let middle = (low + high) / 2
      let ends = [
        low, middle, low.nextUp, low.nextDown, middle.nextUp, middle.nextDown, low + (high - low) / 4,
      ]
      return ends + ends.map { -$0 }
    }
  }

  /// By the definition: the number of 8 significant bits that is nearest, of two the one whose last bit is 0.
  private func slowBF16(_ x: Float) -> Float {
    guard x.isFinite else { return x }
    let low = Float(bitPattern: x.bitPattern & 0xFFFF_0000)
    let high = Float(bitPattern: low.bitPattern + 0x1_0000)
    // What follows the largest number is taken for 2¹²⁸, which float64 can hold.
    let top = high.isFinite ? Double(high) : (x < 0 ? -0x1p128 : 0x1p128)
    let (down, up) = ((Double(x) - Double(low)).magnitude, (top - Double(x)).magnitude)
    if down != up { return down < up ? low : high }
    return low.bitPattern & 0x1_0000 == 0 ? low : high
  }

  @Test func fp16IsTheLanguagesOwnEverywhere() {
    let values = cases { Float(Float16(bitPattern: $0)) }
    #expect(mismatches(values, to: .fp16) { Float(Float16($0)) }.isEmpty)
  }

  @Test func bf16IsNearestEvenEverywhere() {
    let values = cases { Float(bitPattern: UInt32($0) << 16) }
    #expect(mismatches(values, to: .bf16, slowBF16).isEmpty)
  }

  /// 4093 patterns apart over all 2³².
  @Test func patternsFromEverywhere() {
    for start in stride(from: UInt64(0), to: 1 << 32, by: 1 << 30) {
      let values = stride(from: start, to: start + 1 << 30, by: 4093).map {
        Float(bitPattern: UInt32(truncatingIfNeeded: $0))
      }
      #expect(mismatches(values, to: .fp16) { Float(Float16($0)) }.isEmpty)
      #expect(mismatches(values, to: .bf16, slowBF16).isEmpty)
    }
  }

  @Test func theEdges() {
    let values: [Float] = [
      65504, 65519.996, 65520, 0x1p-24, 0x1p-25, 0x1.000002p-25, 0x1p-14, -0.0, .infinity, .nan,
      .signalingNaN,
    ]
    let found = rounded(values, to: .fp16)
    #expect(found.prefix(3) == [65504, 65504, .infinity])
    // A tie with zero goes to zero; anything more to the least subnormal number.
    #expect(found[3...6] == [0x1p-24, 0, 0x1p-24, 0x1p-14])
    #expect(found[7].sign == .minus && found[8] == .infinity && found[9].isNaN && found[10].isNaN)
    #expect(
      rounded([0x1.FEp127, 0x1.FEFFFEp127, 0x1.FFp127], to: .bf16) == [0x1.FEp127, 0x1.FEp127, .infinity])
    #expect(rounded(values, to: .fp32).prefix(9) == values.prefix(9))
  }

  /// The checking engine rounds the same way, by another program.
  @Test(arguments: [Precision.bf16, .fp16])
  func bothEnginesAgree(precision: Precision) {
    let values = cases {
      precision == .fp16 ? Float(Float16(bitPattern: $0)) : Float(bitPattern: UInt32($0) << 16)
    }
    let wide = stride(from: 0, to: values.count, by: 8).flatMap { start -> [Double] in
      let lanes = SIMD8<Double>(values[start..<start + 8].map(Double.init))
      return Double.rounded(lanes, to: precision).indices.map { Double.rounded(lanes, to: precision)[$0] }
    }
    let narrow = rounded(values, to: precision)
    #expect(zip(wide, narrow).allSatisfy { $0 == Double($1) || ($0.isNaN && $1.isNaN) })
  }
}
