import RunData

/// Sums the elements of tensors, in float64, over a team's threads.
public final class SumKernel: Sendable {
  private let team: Team
  private let partials: SumSlots

  /// Makes room for the partial sums of each thread.
  public init(team: Team) {
    self.team = team
    partials = SumSlots(count: team.threadCount)
  }

  /// The sums of a matrix's elements.
  ///
  /// Accumulated in float64, each thread over its own rows, then in thread order. Every non-finite element is counted and makes
  /// `l1`, `sumSquares` and `maxAbs` non-finite.
  public func sums<Scalar: KernelScalar>(of matrix: Matrix<Scalar>) -> TensorSums {
    partials.clear()
    if matrix.isContiguous, matrix.rows > 0, matrix.width > 0 {
      let flat = matrix.flattened
      team.split(flat.count, grain: Self.grain, multiple: Self.multiple) { range, thread in
        self.partials[thread] = partialSums(flat.slice(range))
      }
    } else {
      team.split(matrix.rows, grain: rowGrain(matrix.width)) { range, thread in
        var total = TensorSums.empty
        for row in range { total = total.merged(with: partialSums(matrix[row])) }
        self.partials[thread] = total
      }
    }
    return partials.merged
  }

  /// The sums of the elements of several rows, each to the bit as ``sums(of:)`` has it of one; the threads wait for each other once, not
  /// once a row, which for rows of some thousand elements is what takes longest.
  public func sums<Scalar: KernelScalar>(of rows: [Row<Scalar>]) -> [TensorSums] {
    let slots = SumSlots(count: rows.count * team.threadCount)
    let threads = wholeRowThreads(rows.map(\.count))
    team.run { thread in
      for (index, row) in rows.enumerated() {
        let range =
          threads[index].map { $0 == thread ? 0..<row.count : 0..<0 }
          ?? self.team.part(thread, of: row.count, grain: Self.grain, multiple: Self.multiple)
        if !range.isEmpty { slots[index * self.team.threadCount + thread] = partialSums(row.slice(range)) }
      }
    }
    return rows.indices.map { index in
      let own = index * team.threadCount..<(index + 1) * team.threadCount
      return own.reduce(.empty) { $0.merged(with: slots[$1]) }
    }
  }

  /// Which thread sums a row that is too short to be split, so that all get equally much; nil for rows that are split.
  private func wholeRowThreads(_ counts: [Int]) -> [Int?] {
    var loads = Array(repeating: 0, count: team.threadCount)
    return counts.map { count in
      guard team.partCount(count, grain: Self.grain) == 1 else { return nil }
      let thread = loads.indices.min { loads[$0] < loads[$1] } ?? 0
      loads[thread] += count
      return thread
    }
  }

  /// Elements that are worth a thread, and of which a thread gets a multiple.
  private static let grain = 1 << 14
  private static let multiple = 64

  /// The sums of a matrix's elements, Σx⁴ among them.
  public func outputSums<Scalar: KernelScalar>(of matrix: Matrix<Scalar>) -> OutputSums {
    partials.clear()
    team.split(matrix.rows, grain: rowGrain(matrix.width)) { range, thread in
      var total = OutputSums.empty
      for row in range { total = total.merged(with: partialOutputSums(matrix[row])) }
      self.partials.set(total, at: thread)
    }
    return partials.mergedOutputs
  }
}

/// The sums of one row on this thread, Σx⁴ among them.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
func partialOutputSums<Scalar: KernelScalar>(_ row: Row<Scalar>) -> OutputSums {
  var low = SIMD8<Double>()
  var high = SIMD8<Double>()
  forEachLanes(of: Scalar.self, in: 0..<row.count) { index, count in
    let (first, second) = Scalar.widened(row.lanes(index, count))
    let (firstSquares, secondSquares) = (first * first, second * second)
    low.addProduct(firstSquares, firstSquares)
    high.addProduct(secondSquares, secondSquares)
  }
  return OutputSums(partialSums(row), fourthPowers: (low + high).sum())
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
      let magnitude = Scalar.magnitude(x)
      let (low, high) = Scalar.widened(magnitude)
      lowSum += low
      highSum += high
      lowSquares.addProduct(low, low)
      highSquares.addProduct(high, high)
      maxima = Scalar.maximum(maxima, magnitude)
      zeroLanes = Scalar.countZeros(x, adding: zeroLanes)
      // Padding lanes are zeros that are not there.
      if count < laneCount { zeroLanes[laneCount - 1] -= Scalar(laneCount - count) }
    }
    zeros += Double(zeroLanes.sum())
    start = end
  }
  var sums = TensorSums(
    count: row.count, l1: (lowSum + highSum).sum(), sumSquares: (lowSquares + highSquares).sum(),
    maxAbs: Double(largest(maxima)), zeros: Int(zeros), nonfinite: 0)
  // Finite elements cannot overflow a float64 sum of float32 magnitudes: only a sum that is not finite calls for a count.
  if !sums.l1.isFinite || !sums.sumSquares.isFinite { countNonfinite(row, &sums) }
  return sums
}

private func countNonfinite<Scalar: KernelScalar>(_ row: Row<Scalar>, _ sums: inout TensorSums) {
  for index in 0..<row.count where !row[index].isFinite { sums.nonfinite += 1 }
}

/// The largest lane; not a number where any is.
@inline(__always)
func largest<Lanes: SIMD>(_ lanes: Lanes) -> Lanes.Scalar where Lanes.Scalar: KernelScalar {
  var result = lanes[0]
  for lane in 1..<lanes.scalarCount where lanes[lane] > result || lanes[lane].isNaN { result = lanes[lane] }
  return result
}

extension Matrix {
  /// The elements of a contiguous matrix as one row.
  var flattened: Row<Scalar> {
    precondition(isContiguous)
    return unsafe Row(base: base, count: rows * width)
  }
}
