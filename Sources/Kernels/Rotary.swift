import Architecture
import Glibc

/// Rotary positions of a sequence (Su et al. 2021): a pair of elements turns by `position * theta^(-2i / width)`.
public struct RotaryAngles<Scalar: KernelScalar>: Sendable {
  /// Elements of a head that turn, the first of it; the others stay.
  public let rotatedWidth: Int
  /// How they are paired.
  public let pairing: RotaryPairing
  private let memory: Buffer<Scalar>
  private let sequenceLength: Int

  /// Computes the angles in float64.
  ///
  /// - Parameters:
  ///   - rotatedWidth: even, at most a head's width.
  ///   - theta: the base of the angles, 10,000 in the paper.
  public init(sequenceLength: Int, rotatedWidth: Int, theta: Double, pairing: RotaryPairing) {
    precondition(rotatedWidth > 0 && rotatedWidth.isMultiple(of: 2), "\(rotatedWidth) elements to turn")
    self.rotatedWidth = rotatedWidth
    self.pairing = pairing
    self.sequenceLength = sequenceLength
    let half = rotatedWidth / 2
    memory = Buffer(count: 2 * sequenceLength * half)
    let (cosines, sines) = (self.cosines, self.sines)
    for index in 0..<half {
      let frequency = Glibc.pow(theta, -2 * Double(index) / Double(rotatedWidth))
      for position in 0..<sequenceLength {
        cosines[position][index] = Scalar(Glibc.cos(Double(position) * frequency))
        sines[position][index] = Scalar(Glibc.sin(Double(position) * frequency))
      }
    }
  }

  /// `(sequenceLength, rotatedWidth / 2)`.
  var cosines: Matrix<Scalar> { memory.matrix(offset: 0, rows: sequenceLength, width: rotatedWidth / 2) }
  var sines: Matrix<Scalar> {
    let width = rotatedWidth / 2
    return memory.matrix(offset: sequenceLength * width, rows: sequenceLength, width: width)
  }
}

/// Turns each head of every row by its position's angles, in place: `(a, b) -> (a cos - b sin, b cos + a sin)`.
///
/// - Parameters:
///   - heads: `(B*T, heads * headDim)`, may be columns of a wider matrix.
///   - places: the rows' positions; nil where they are a batch of sequences.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func rotaryForward<Scalar: KernelScalar>(
  _ angles: RotaryAngles<Scalar>, headDim: Int, heads: Matrix<Scalar>, places: RowPositions? = nil,
  team: Team
) {
  rotate(angles, headDim: headDim, heads, places, backwards: false, team)
}

/// The gradient of ``rotaryForward``: turns the gradient back, in place. A rotation's transpose is its inverse.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func rotaryBackward<Scalar: KernelScalar>(
  _ angles: RotaryAngles<Scalar>, headDim: Int, gradient: Matrix<Scalar>, places: RowPositions? = nil,
  team: Team
) {
  rotate(angles, headDim: headDim, gradient, places, backwards: true, team)
}

@inline(__always)
private func rotate<Scalar: KernelScalar>(
  _ angles: RotaryAngles<Scalar>, headDim: Int, _ heads: Matrix<Scalar>, _ places: RowPositions?,
  backwards: Bool, _ team: Team
) {
  let half = angles.rotatedWidth / 2
  let (cosines, sines) = (angles.cosines, angles.sines)
  precondition(heads.width.isMultiple(of: headDim) && angles.rotatedWidth <= headDim)
  precondition(
    places?.fit(rows: heads.rows, limit: cosines.rows) ?? heads.rows.isMultiple(of: cosines.rows),
    "\(heads.rows) rows of \(cosines.rows) positions")
  let direction: Scalar = backwards ? -1 : 1
  team.split(heads.rows, grain: rowGrain(heads.width)) { rows, _ in
    for row in rows {
      let position = places?[row] ?? row % cosines.rows
      let (cosine, sine) = (cosines[position], sines[position])
      for start in stride(from: 0, to: heads.width, by: headDim) {
        let head = heads[row].slice(start..<start + angles.rotatedWidth)
        switch angles.pairing {
        case .halves:
          forEachLanes(of: Scalar.self, in: 0..<half) { index, count in
            let (a, b) = (head.lanes(index, count), head.lanes(half + index, count))
            let (c, s) = (cosine.lanes(index, count), sine.lanes(index, count) * direction)
            head.store(a * c - b * s, index, count)
            head.store(b * c + a * s, half + index, count)
          }
        case .pairs:
          for index in 0..<half {
            let (a, b) = (head[2 * index], head[2 * index + 1])
            let (c, s) = (cosine[index], sine[index] * direction)
            head[2 * index] = a * c - b * s
            head[2 * index + 1] = b * c + a * s
          }
        }
      }
    }
  }
}
