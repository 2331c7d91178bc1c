/// Scratch memory for kernels, one piece a thread, made once.
public final class Workspace<Scalar: KernelScalar>: Sendable {
  /// Scalars that each thread may use.
  public let capacity: Int
  private let buffer: Buffer<Scalar>

  /// Allocates `capacity` scalars for each thread of a team.
  public init(team: Team, capacity: Int) {
    // Whole cache lines, so that threads do not share one.
    let laneCount = Row<Scalar>.laneCount
    self.capacity = (capacity + laneCount - 1) / laneCount * laneCount
    buffer = Buffer(count: team.threadCount * self.capacity)
  }

  /// The piece of one thread.
  func row(thread: Int) -> Row<Scalar> { buffer.row(thread * capacity..<(thread + 1) * capacity) }
}

/// Row sums that every thread adds up for itself, `width` wide, and that are then added in thread order.
///
/// - Parameters:
///   - outputs: one row for each sum, `(width)` each, accumulated into where `accumulating`.
///   - body: adds the contributions of its rows to the thread's own sums.
func reduceRows<Scalar: KernelScalar>(
  _ rows: Int, into outputs: [Row<Scalar>], accumulating: Bool, team: Team, workspace: Workspace<Scalar>,
  _ body: (_ range: Range<Int>, _ partial: Row<Scalar>) -> Void
) {
  let width = outputs.map(\.count).reduce(0, +)
  precondition(width <= workspace.capacity, "workspace of \(workspace.capacity) for sums of \(width)")
  let zero = Scalar.Lanes()
  team.run { thread in
    let partial = workspace.row(thread: thread).slice(0..<width)
    forEachLanes(of: Scalar.self, in: 0..<width) { partial.store(zero, $0, $1) }
    let share = (rows + team.threadCount - 1) / team.threadCount
    let range = min(rows, thread * share)..<min(rows, (thread + 1) * share)
    if !range.isEmpty { body(range, partial) }
  }
  var offset = 0
  for output in outputs {
    forEachLanes(of: Scalar.self, in: 0..<output.count) { index, count in
      var sum = accumulating ? output.lanes(index, count) : zero
      for thread in 0..<team.threadCount {
        sum += workspace.row(thread: thread).lanes(offset + index, count)
      }
      output.store(sum, index, count)
    }
    offset += output.count
  }
}
