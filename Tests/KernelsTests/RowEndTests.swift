import Testing

@testable import Kernels

/// The end of a row, shorter than a vector: what lies behind it is neither read into the lanes nor written.
@Suite struct RowEndTests {
  private func check<Scalar: KernelScalar>(_: Scalar.Type) {
    let laneCount = Row<Scalar>.laneCount
    let buffer = Buffer<Scalar>(count: 3 * laneCount)
    defer { withExtendedLifetime(buffer) {} }
    for count in 1..<laneCount {
      for start in [0, 1, laneCount - 1] {
        buffer.row.assign((0..<3 * laneCount).map { Scalar($0 + 1) })
        let lanes = buffer.row.lanes(start, count)
        for lane in 0..<laneCount { #expect(lanes[lane] == (lane < count ? Scalar(start + lane + 1) : 0)) }

        buffer.row.store(Scalar.Lanes(repeating: -1), start, count)
        for index in 0..<3 * laneCount {
          let isStored = (start..<start + count).contains(index)
          #expect(buffer.row[index] == (isStored ? -1 : Scalar(index + 1)), "\(count) from \(start) on")
        }
        // The memory's own end.
        let last = buffer.row.lanes(3 * laneCount - count, count)
        #expect(last[count - 1] == Scalar(3 * laneCount))
      }
    }
  }

  @Test func floats() { check(Float.self) }

  @Test func doubles() { check(Double.self) }

  @Test func lanesBehindTheFirstAreReplaced() {
    let lanes = SIMD16<Float>(repeating: 3)
    for count in 1...16 {
      let kept = Float.keeping(lanes, first: count, else: -.infinity)
      for lane in 0..<16 { #expect(kept[lane] == (lane < count ? 3 : -.infinity)) }
    }
  }
}
