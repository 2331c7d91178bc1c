import Architecture
import CProcessor

/// A number of bfloat16 as it lies in memory: the upper half of a `Float`'s bits.
public struct BFloat16: BitwiseCopyable, Equatable, Sendable {
  /// One bit of sign, eight of exponent, seven of significand.
  public let bits: UInt16

  /// The number with these bits.
  public init(bits: UInt16) { self.bits = bits }
}

extension Float {
  /// The same number; every bfloat16 is a float32.
  public init(_ number: BFloat16) { self.init(bitPattern: UInt32(number.bits) << 16) }

  /// What factors of native products are made of.
  public typealias Half = BFloat16

  /// Rounded as ``rounded(_:to:)`` does; what is not a number stays so, though its payload may lie in the half that is dropped.
  @inline(__always)
  public static func storeHalves(
    _ x: SIMD16<Float>, count: Int, at address: UnsafeMutablePointer<BFloat16>
  ) {
    let quiet = unsafe unsafeBitCast(
      unsafeBitCast(x, to: SIMD16<UInt32>.self) | 0x40_0000, to: SIMD16<Float>.self)
    let rounded = rounded(x, to: .bf16).replacing(with: quiet, where: x .!= x)
    let halves = nf_probe_upper_halves(unsafe unsafeBitCast(rounded, to: SIMD16<UInt32>.self))
    if count == 16 {
      unsafe UnsafeMutableRawPointer(address).storeBytes(of: halves, as: SIMD16<UInt16>.self)
    } else {
      for lane in 0..<count { unsafe address[lane] = BFloat16(bits: halves[lane]) }
    }
  }
}

extension Double {
  /// There are no products of halves with sums of float64: the numbers are rounded and stay where they are.
  public typealias Half = Double

  /// Rounded to bfloat16, in float64.
  @inline(__always)
  public static func storeHalves(_ x: SIMD8<Double>, count: Int, at address: UnsafeMutablePointer<Double>) {
    let rounded = rounded(x, to: .bf16)
    for lane in 0..<count { unsafe address[lane] = rounded[lane] }
  }
}

/// `output = input`, rounded to bfloat16 as ``roundElements(_:to:team:)`` does and half as large.
///
/// Both may begin at the same place, row by row: a row is read before it is overwritten.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func narrowElements<Scalar: KernelScalar>(
  _ input: Matrix<Scalar>, into output: Matrix<Scalar.Half>, team: Team
) {
  precondition(input.rows == output.rows && input.width == output.width)
  team.split(input.rows, grain: rowGrain(input.width)) { rows, _ in
    for row in rows { narrow(input[row], into: output[row]) }
  }
}

/// Rounds every element to bfloat16 in place, as ``roundElements(_:to:team:)`` does, and leaves it in `halves`, too.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func roundElements<Scalar: KernelScalar>(
  _ matrix: Matrix<Scalar>, narrowingInto halves: Matrix<Scalar.Half>, team: Team
) {
  precondition(matrix.rows == halves.rows && matrix.width == halves.width)
  team.split(matrix.rows, grain: rowGrain(matrix.width)) { rows, _ in
    for row in rows {
      let (wide, narrow) = (matrix[row], halves[row])
      forEachLanes(of: Scalar.self, in: 0..<wide.count) { index, count in
        let rounded = Scalar.rounded(wide.lanes(index, count), to: .bf16)
        wide.store(rounded, index, count)
        unsafe Scalar.storeHalves(rounded, count: count, at: narrow.base + index)
      }
    }
  }
}

/// `output = input` of one long row, rounded to bfloat16.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func narrowElements<Scalar: KernelScalar>(
  _ input: Row<Scalar>, into output: Row<Scalar.Half>, team: Team
) {
  precondition(input.count == output.count, "\(input.count) elements into \(output.count)")
  team.split(input.count, grain: 1 << 13, multiple: Row<Scalar>.laneCount) { range, _ in
    narrow(input.slice(range), into: output.slice(range))
  }
}

@inline(__always)
func narrow<Scalar: KernelScalar>(_ input: Row<Scalar>, into output: Row<Scalar.Half>) {
  forEachLanes(of: Scalar.self, in: 0..<input.count) { index, count in
    unsafe Scalar.storeHalves(input.lanes(index, count), count: count, at: output.base + index)
  }
}

extension Matrix where Scalar: KernelScalar {
  /// The matrix narrowed in its own memory, each row at the row's beginning. The matrix itself holds nothing of use from then on.
  public func narrowedInPlace(team: Team) -> Matrix<Scalar.Half> {
    let halves = halvesInPlace
    narrowElements(self, into: halves, team: team)
    return halves
  }

  /// Where halves lie that take the place of the elements.
  var halvesInPlace: Matrix<Scalar.Half> {
    let ratio = MemoryLayout<Scalar>.stride / MemoryLayout<Scalar.Half>.stride
    return unsafe Matrix<Scalar.Half>(
      base: UnsafeMutableRawPointer(base).assumingMemoryBound(to: Scalar.Half.self), rows: rows, width: width,
      stride: stride * ratio)
  }
}
