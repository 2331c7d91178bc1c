import RunData

/// The sums of weights after an update, and of what the update changed, one pair a tensor: found by the very loop that
/// updates, so that no element is read again.
///
/// Accumulated in float64, each thread over its own elements, then in thread order.
public final class UpdateSums: Sendable {
  /// Elements of each tensor in the memory that the optimizer goes through, ascending.
  private let ranges: [Range<Int>]
  private let threadCount: Int
  private let weights: SumSlots
  private let updates: SumSlots

  /// Makes room for the sums of some tensors.
  /// - Parameter ranges: elements of each tensor in one memory, ascending and disjoint.
  public init(ranges: [Range<Int>], threadCount: Int) {
    self.ranges = ranges
    self.threadCount = threadCount
    weights = SumSlots(count: ranges.count * threadCount)
    updates = SumSlots(count: ranges.count * threadCount)
  }

  /// Forgets all that was summed.
  public func clear() {
    weights.clear()
    updates.clear()
  }

  /// Sums of a tensor's elements after the update.
  public func weights(_ tensor: Int) -> TensorSums { merged(weights, tensor) }

  /// Sums of what the update changed: the elements after it less those before.
  public func updates(_ tensor: Int) -> TensorSums { merged(updates, tensor) }

  private func merged(_ slots: SumSlots, _ tensor: Int) -> TensorSums {
    (0..<threadCount).reduce(.empty) { $0.merged(with: slots[tensor * threadCount + $1]) }
  }

  /// Goes through elements tensor by tensor on one thread, and keeps the sums that `body` finds of each part.
  ///
  /// - Parameters:
  ///   - range: elements of a row that begins at `first` in the memory.
  @inline(__always)
  func forEachTensor<Scalar: KernelScalar>(
    in range: Range<Int>, from first: Int, thread: Int,
    _ body: (_ part: Range<Int>, _ lanes: inout UpdateLanes<Scalar>) -> Void
  ) {
    var start = range.lowerBound
    var tensor = index(ofElement: first + start)
    while start < range.upperBound {
      let end = min(range.upperBound, ranges[tensor].upperBound - first)
      var lanes = UpdateLanes<Scalar>()
      body(start..<end, &lanes)
      let slot = tensor * threadCount + thread
      weights[slot] = weights[slot].merged(with: lanes.weights.sums(count: end - start))
      updates[slot] = updates[slot].merged(with: lanes.updates.sums(count: end - start))
      start = end
      tensor += 1
    }
  }

  /// The tensor that an element lies in.
  private func index(ofElement element: Int) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound > element { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension Team {
  /// Goes through the elements of an optimizer's row a vector at a time, and sums what `step` did to them where `sums` is given.
  ///
  /// - Parameters:
  ///   - firstElement: where the row begins in the memory that `sums` knows.
  ///   - step: updates the elements from an index on, and returns them before and after.
  @inline(__always)
  func update<Scalar: KernelScalar>(
    _ parameters: Row<Scalar>, sums: UpdateSums?, firstElement: Int,
    step: (_ index: Int, _ count: Int) -> (before: Scalar.Lanes, after: Scalar.Lanes)
  ) {
    split(parameters.count, grain: 1 << 12, multiple: Row<Scalar>.laneCount) { range, thread in
      guard let sums else {
        return forEachLanes(of: Scalar.self, in: range) { index, count in _ = step(index, count) }
      }
      sums.forEachTensor(in: range, from: firstElement, thread: thread) {
        (part, lanes: inout UpdateLanes<Scalar>) in
        forEachLanes(of: Scalar.self, in: part) { index, count in
          let (before, after) = step(index, count)
          lanes.add(before: before, after: after, count: count)
        }
      }
    }
  }
}

/// The sums of one thread's part of a tensor, in vectors.
struct UpdateLanes<Scalar: KernelScalar> {
  var weights = MagnitudeLanes<Scalar>()
  var updates = MagnitudeLanes<Scalar>()

  /// Adds one vector; lanes from `count` on are not there.
  @inline(__always)
  mutating func add(before: Scalar.Lanes, after: Scalar.Lanes, count: Int) {
    weights.add(Scalar.keeping(after, first: count, else: 0))
    updates.add(Scalar.keeping(after - before, first: count, else: 0))
  }
}

/// Σ|x|, Σx² and max|x| of vectors.
struct MagnitudeLanes<Scalar: KernelScalar> {
  private var low = SIMD8<Double>()
  private var high = SIMD8<Double>()
  private var lowSquares = SIMD8<Double>()
  private var highSquares = SIMD8<Double>()
  private var maxima = Scalar.Lanes()

  @inline(__always)
  mutating func add(_ x: Scalar.Lanes) {
    let magnitude = Scalar.magnitude(x)
    let wide = Scalar.widened(magnitude)
    low += wide.0
    high += wide.1
    lowSquares.addProduct(wide.0, wide.0)
    highSquares.addProduct(wide.1, wide.1)
    maxima = Scalar.maximum(maxima, magnitude)
  }

  /// Zeros and non-finite elements are not counted.
  @inline(__always)
  func sums(count: Int) -> TensorSums {
    TensorSums(
      count: count, l1: (low + high).sum(), sumSquares: (lowSquares + highSquares).sum(),
      maxAbs: Double(largest(maxima)), zeros: 0, nonfinite: 0)
  }
}
