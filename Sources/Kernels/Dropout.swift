import Randomness

/// Which elements one dropout site drops at one step: a pure function of seed, site and element.
public struct DropoutMask: Sendable {
  /// The chance of an element to be dropped, in [0, 1).
  public let probability: Double
  private let generator: Philox
  private let threshold: UInt32

  /// Creates the mask of one site at one step.
  /// - Precondition: `0 <= probability < 1`.
  public init(seed: UInt64, step: Int, site: Int, probability: Double) {
    precondition(probability >= 0 && probability < 1, "dropout probability \(probability) is not in [0, 1)")
    self.probability = probability
    generator = Philox(seed: seed ^ 0xD809_0075, stream: UInt64(step) << 24 | UInt64(site))
    threshold = UInt32(min(probability * 0x1p32, 0xFFFF_FFFF))
  }

  /// 0 for each dropped element of a row, 1 / (1 - probability) for the others, four elements for each draw.
  @inline(__always)
  func multiply<Scalar: KernelScalar>(
    _ row: Row<Scalar>, firstElement: Int, into output: Row<Scalar>, accumulating: Bool = false
  ) {
    let factor = Scalar(1 / (1 - probability))
    var words = SIMD4<UInt32>()
    for index in 0..<row.count {
      let element = firstElement + index
      if index == 0 || element % 4 == 0 { words = generator.words(at: UInt64(element / 4)) }
      let kept = words[element % 4] >= threshold ? row[index] * factor : 0
      output[index] = accumulating ? output[index] + kept : kept
    }
  }
}

/// `output = input ∘ mask`, and with the same mask its own backward pass: `dX = dY ∘ mask`.
///
/// - Parameters: `input`, `output`: `(rows, width)`, may be the same memory.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func dropout<Scalar: KernelScalar>(
  _ mask: DropoutMask, input: Matrix<Scalar>, into output: Matrix<Scalar>, team: Team
) {
  precondition(input.hasShape(of: output))
  team.split(input.rows, grain: rowGrain(input.width * 8)) { rows, _ in
    for row in rows {
      mask.multiply(input[row], firstElement: row * input.width, into: output[row])
    }
  }
}
