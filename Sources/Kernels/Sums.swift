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
  // Four chains of additions, so that one need not wait for the other.
  var lowSum = SIMD8<Double>()
  var highSum = SIMD8<Double>()
  var lowSquares = SIMD8<Double>()
  var highSquares = SIMD8<Double>()
  var maxima = Scalar.Lanes()
  var zeros = 0.0
  var start = 0
  // Zeros are counted in `Scalar` lanes for at most 2²⁰ additions, where Float still counts exactly.
  while start < row.count {
    let end = min(row.count, start + laneCount << 20)
    var zeroLanes = Scalar.Lanes()
    forEachLanes(of: Scalar.self, in: start..<end) { index, count in
      let x = row.lanes(index, count)
      let magnitude = x.replacing(with: -x, where: x .< 0)
      let (low, high) = Scalar.widened(magnitude)
      lowSum += low
      highSum += high
      lowSquares.addProduct(low, low)
      highSquares.addProduct(high, high)
      maxima.replace(with: magnitude, where: magnitude .> maxima)
      zeroLanes.replace(with: zeroLanes + 1, where: x .== 0)
      // Padding lanes are zeros that are not there.
      if count < laneCount { zeroLanes[laneCount - 1] -= Scalar(laneCount - count) }
    }
    zeros += Double(zeroLanes.sum())
    start = end
  }
  var sums = TensorSums(
    count: row.count, l1: (lowSum + highSum).sum(), sumSquares: (lowSquares + highSquares).sum(),
    maxAbs: Double(maxima.max()), zeros: Int(zeros), nonfinite: 0)
  // Finite elements cannot overflow a float64 sum of float32 magnitudes: only a sum that is not finite calls for a count.
  if !sums.l1.isFinite || !sums.sumSquares.isFinite { countNonfinite(row, &sums) }
  return sums
}

/// Counts elements that are not finite, and lets a not-a-number stand as the maximum.
private func countNonfinite<Scalar: KernelScalar>(_ row: Row<Scalar>, _ sums: inout TensorSums) {
  for index in 0..<row.count where !row[index].isFinite {
    sums.nonfinite += 1
    if row[index].isNaN { sums.maxAbs = .nan }
  }
}

extension Matrix {
  /// The elements of a contiguous matrix as one row.
  var flattened: Row<Scalar> {
    precondition(isContiguous)
    return unsafe Row(base: base, count: rows * width)
  }
}
