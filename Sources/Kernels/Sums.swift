import RunData

/// Sums the elements of tensors, in float64, over a team's threads.
public final class SumKernel: Sendable {
  private let team: Team
  private let partials: Buffer<Double>

  /// Doubles that a thread's partial sums take; a cache line.
  private static let fields = 8

  /// Makes room for the partial sums of each thread.
  public init(team: Team) {
    self.team = team
    partials = Buffer(count: team.threadCount * Self.fields)
  }

  /// The sums of a matrix's elements.
  ///
  /// Accumulated in float64, each thread over its own rows, then in thread order. Every non-finite element is counted and makes
  /// `l1`, `sumSquares` and `maxAbs` non-finite.
  public func sums<Scalar: KernelScalar>(of matrix: Matrix<Scalar>) -> TensorSums {
    partials.row.fill(0)
    if matrix.isContiguous, matrix.rows > 0, matrix.width > 0 {
      let flat = matrix.flattened
      team.split(flat.count, grain: 1 << 14, multiple: 64) { range, thread in
        self.store(partialSums(flat.slice(range)), thread: thread)
      }
    } else {
      team.split(matrix.rows, grain: rowGrain(matrix.width)) { range, thread in
        var total = TensorSums.empty
        for row in range { total = total.merged(with: partialSums(matrix[row])) }
        self.store(total, thread: thread)
      }
    }
    return merged(count: matrix.rows * matrix.width)
  }

  private func store(_ sums: TensorSums, thread: Int) {
    let row = partials.row(thread * Self.fields..<(thread + 1) * Self.fields)
    row[0] = sums.l1
    row[1] = sums.sumSquares
    row[2] = sums.maxAbs
    row[3] = Double(sums.zeros)
    row[4] = Double(sums.nonfinite)
  }

  private func merged(count: Int) -> TensorSums {
    var total = TensorSums.empty
    for thread in 0..<team.threadCount {
      let row = partials.row(thread * Self.fields..<(thread + 1) * Self.fields)
      total = total.merged(
        with: TensorSums(
          count: 0, l1: row[0], sumSquares: row[1], maxAbs: row[2], zeros: Int(row[3]),
          nonfinite: Int(row[4])))
    }
    total.count = count
    return total
  }
}

/// The sums of one row on this thread.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
func partialSums<Scalar: KernelScalar>(_ row: Row<Scalar>) -> TensorSums {
  let laneCount = Row<Scalar>.laneCount
  var l1 = SIMD8<Double>()
  var squares = SIMD8<Double>()
  var maxima = Scalar.Lanes()
  var zeros = 0.0
  var nonfinite = 0.0
  var start = 0
  // Counts are kept in `Scalar` lanes for at most 2²⁰ additions, where Float still counts exactly.
  while start < row.count {
    let end = min(row.count, start + laneCount << 20)
    var zeroLanes = Scalar.Lanes()
    var nonfiniteLanes = Scalar.Lanes()
    forEachLanes(of: Scalar.self, in: start..<end) { index, count in
      let x = row.lanes(index, count)
      let magnitude = x.replacing(with: -x, where: x .< 0)
      let (low, high) = Scalar.widened(magnitude)
      l1 += low + high
      squares.addProduct(low, low)
      squares.addProduct(high, high)
      maxima.replace(with: magnitude, where: (magnitude .> maxima) .| (magnitude .!= magnitude))
      zeroLanes.replace(with: zeroLanes + 1, where: x .== 0)
      nonfiniteLanes.replace(with: nonfiniteLanes + 1, where: .!((x - x) .== 0))
      // Padding lanes are zeros that are not there.
      if count < laneCount { zeroLanes[laneCount - 1] -= Scalar(laneCount - count) }
    }
    zeros += Double(zeroLanes.sum())
    nonfinite += Double(nonfiniteLanes.sum())
    start = end
  }
  var maximum = maxima[0]
  for lane in 1..<laneCount where maxima[lane] > maximum || maxima[lane].isNaN { maximum = maxima[lane] }
  return TensorSums(
    count: row.count, l1: l1.sum(), sumSquares: squares.sum(), maxAbs: Double(maximum), zeros: Int(zeros),
    nonfinite: Int(nonfinite))
}

extension Matrix {
  /// The elements of a contiguous matrix as one row.
  var flattened: Row<Scalar> {
    precondition(isContiguous)
    return unsafe Row(base: base, count: rows * width)
  }
}
