import Kernels
import Synchronization

/// One pass over some checkpoints: each element is read once, and the sums of every pair that was asked for come out.
///
/// Memory is a window a side and thread. Sums of windows are merged in the order of the elements, so that they do not depend
/// on the number of threads.
struct ComparisonPass {
  /// Elements that are read and summed at a time: small enough for a second-level cache with several sides.
  private static let window = 1 << 16
  /// The same for tensors whose neighbours lie apart in the file.
  private static let scatteredWindow = 1 << 20
  /// Elements that make a task.
  private static let taskSize = 1 << 21

  let sides: [ComparisonSide]
  /// Positions in ``sides``.
  let pairs: [(first: Int, second: Int)]
  let team: Team

  private struct Task {
    let tensor: Int
    let elements: Range<Int>
  }

  /// The sums of each tensor, `(tensor)(pair)`; nil where one of a pair has not got it.
  func sums(of tensors: [ComparisonPlan.Tensor]) throws -> [[PairSums?]] {
    let tasks = tensors.enumerated().flatMap { index, tensor in
      stride(from: 0, to: tensor.elementCount, by: Self.taskSize).map { start in
        Task(tensor: index, elements: start..<min(start + Self.taskSize, tensor.elementCount))
      }
    }
    let results = Buffer<PairSums>(count: max(1, tasks.count * pairs.count))
    let failure = Mutex<(any Error)?>(nil)
    let scratch = (0..<team.threadCount).map { _ in Scratch(sideCount: sides.count) }
    team.forEach(taskCount: tasks.count) { index, thread in
      guard failure.withLock({ $0 == nil }) else { return }
      let row = results.row(index * pairs.count..<(index + 1) * pairs.count)
      do {
        let sums = try self.sums(tasks[index].elements, of: tensors[tasks[index].tensor], scratch[thread])
        for (pair, value) in sums.enumerated() { row[pair] = value }
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    var merged = tensors.map { tensor in
      pairs.map { tensor.sides[$0.first] != nil && tensor.sides[$0.second] != nil ? PairSums() : nil }
    }
    for (index, task) in tasks.enumerated() {
      for pair in pairs.indices {
        merged[task.tensor][pair] = merged[task.tensor][pair]?.merged(
          with: results.row[index * pairs.count + pair])
      }
    }
    return merged
  }

  private func sums(
    _ elements: Range<Int>, of tensor: ComparisonPlan.Tensor, _ scratch: Scratch
  ) throws -> [PairSums] {
    let isScattered = tensor.sides.contains { $0?.isScattered == true }
    let size = isScattered ? Self.scatteredWindow : Self.window
    var result = pairs.map { _ in PairSums() }
    for start in stride(from: elements.lowerBound, to: elements.upperBound, by: size) {
      let window = start..<min(start + size, elements.upperBound)
      let sums = try scratch.sums(window, of: tensor, sides, pairs)
      for pair in pairs.indices { result[pair] = result[pair].merged(with: sums[pair]) }
    }
    return result
  }
}

/// A thread's windows, one a side.
private final class Scratch {
  private var floats: [[Float]]
  private var doubles: [[Double]]
  private var bits: [[UInt64]]

  init(sideCount: Int) {
    floats = Array(repeating: [], count: sideCount)
    doubles = Array(repeating: [], count: sideCount)
    bits = Array(repeating: [], count: sideCount)
  }

  func sums(
    _ window: Range<Int>, of tensor: ComparisonPlan.Tensor, _ sides: [ComparisonSide],
    _ pairs: [(first: Int, second: Int)]
  ) throws -> [PairSums] {
    for (index, own) in tensor.sides.enumerated() {
      guard let own else { continue }
      switch tensor.elements {
      case .floats:
        floats[index].grow(to: window.count)
        try sides[index].read(own, window, into: &floats[index])
      case .doubles:
        doubles[index].grow(to: window.count)
        try sides[index].read(own, window, into: &doubles[index])
      case .bits:
        bits[index].grow(to: window.count)
        try sides[index].readBits(own, window, into: &bits[index])
      }
    }
    return pairs.map { pair in
      guard tensor.sides[pair.first] != nil, tensor.sides[pair.second] != nil else { return PairSums() }
      switch tensor.elements {
      case .floats: return pairSums(floats[pair.first], floats[pair.second], count: window.count)
      case .doubles: return pairSums(doubles[pair.first], doubles[pair.second], count: window.count)
      case .bits: return equality(bits[pair.first], bits[pair.second], count: window.count)
      }
    }
  }

  /// Elements, and how many of them are equal: no sums.
  private func equality(_ first: [UInt64], _ second: [UInt64], count: Int) -> PairSums {
    var sums = PairSums()
    sums.count = count
    for index in 0..<count where first[index] == second[index] { sums.unchanged += 1 }
    return sums
  }
}

extension Array where Element: Numeric {
  fileprivate mutating func grow(to count: Int) {
    if self.count < count { append(contentsOf: repeatElement(0, count: count - self.count)) }
  }
}
