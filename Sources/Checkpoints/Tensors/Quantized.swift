/// Numbers of 8 bits, each block of which has a scale: F8 as DeepSeek-V3 and others store it.
///
/// A weight is the number times its block's scale, as `weight_dequant` in DeepSeek-V3's `inference/kernel.py` and Transformers'
/// `finegrained_fp8` compute it.
struct ScaledBlocks: Equatable, Sendable {
  let numbers: TensorInfo
  /// As many along each dimension as there are blocks.
  let scales: TensorInfo
  /// Elements of a block along each dimension.
  let block: [Int]

  /// The side of the blocks of DeepSeek-V3 and those who follow it.
  private static let usualSide = 128

  /// - Returns: nil where no blocks give such shapes.
  init?(numbers: TensorInfo, scales: TensorInfo) {
    var counts = scales.shape
    let shape = numbers.shape
    // One scale for all; one for each row, stored as a vector.
    if scales.elementCount == 1 { counts = shape.map { _ in 1 } }
    if counts.count == 1, shape.count == 2, counts[0] == shape[0] { counts.append(1) }
    guard counts.count == shape.count, !shape.isEmpty, scales.type.isReadable else { return nil }
    var block: [Int] = []
    for (size, count) in zip(shape, counts) {
      let side = count == 1 ? max(size, 1) : count == size ? 1 : Self.usualSide
      if side > 0, (size + side - 1) / side == count || size == 0 {
        block.append(side)
      } else if count > 0, size.isMultiple(of: count) {
        block.append(size / count)
      } else {
        return nil
      }
    }
    self.numbers = numbers
    self.scales = scales
    self.block = block
  }

  /// The position of an element's scale, both counted in C order.
  func scale(of element: Int) -> Int {
    var (rest, position, stride) = (element, 0, 1)
    for dimension in numbers.shape.indices.reversed() {
      let (size, side) = (numbers.shape[dimension], block[dimension])
      position += rest % size / side * stride
      stride *= (size + side - 1) / side
      rest /= size
    }
    return position
  }

  /// How many elements from `element` on have its scale: to the end of its block in this row.
  func run(from element: Int) -> Int {
    guard let size = numbers.shape.last, let side = block.last else { return 1 }
    let column = element % size
    return min(size, (column / side + 1) * side) - column
  }
}

/// Numbers of 4 bits, 32 of which share a power of two: MXFP4 as gpt-oss stores it, in `..._blocks` and `..._scales`.
///
/// A byte holds two numbers, the first in its lower half; a number is looked up among 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives (OCP
/// Microscaling Formats 1.0, E2M1 with E8M0 scales) and multiplied by 2^(scale - 127), as `convert_moe_packed_tensors` of Transformers'
/// `integrations/mxfp4.py` does.
struct MXFP4Blocks: Equatable, Sendable {
  /// `(..., groups, 16)` bytes.
  let blocks: TensorInfo
  /// `(..., groups)` bytes.
  let scales: TensorInfo

  static let groupSize = 32
  static let values: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]

  /// - Returns: nil where types and shapes are not those of MXFP4.
  init?(blocks: TensorInfo, scales: TensorInfo) {
    guard blocks.type == .u8, scales.type == .u8, blocks.shape.count >= 2,
      blocks.shape.last == Self.groupSize / 2, blocks.shape.dropLast().elementsEqual(scales.shape)
    else { return nil }
    self.blocks = blocks
    self.scales = scales
  }

  /// Of the numbers, `(..., groups * 32)`.
  var shape: [Int] { blocks.shape.dropLast(2) + [blocks.shape[blocks.shape.count - 2] * Self.groupSize] }

  /// The power of two of a scale; all bits set are not a number.
  static func scale(_ bits: UInt8) -> Float {
    bits == 0xFF ? .nan : Float(sign: .plus, exponent: Int(bits) - 127, significand: 1)
  }
}

/// Floats of 8 bits.
enum Float8 {
  /// E4M3 without infinities (`float8_e4m3fn`): exponent bias 7; all bits but the sign set are not a number.
  static let e4m3: [Float] = (0..<256).map { bits in
    let (exponent, fraction) = ((bits >> 3) & 15, bits & 7)
    let magnitude: Float =
      exponent == 15 && fraction == 7
      ? .nan
      : exponent == 0
        ? Float(fraction) * 0x1p-9
        : Float(sign: .plus, exponent: exponent - 7, significand: 1 + Float(fraction) / 8)
    return bits & 128 == 0 ? magnitude : -magnitude
  }

  /// E5M2: the upper half of an IEEE half-precision float.
  static let e5m2: [Float] = (0..<256).map { Float(Float16(bitPattern: UInt16($0) << 8)) }

  /// E8M0: a power of two alone.
  static let e8m0: [Float] = (0..<256).map { MXFP4Blocks.scale(UInt8($0)) }
}
