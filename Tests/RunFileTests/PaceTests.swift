import Testing

@testable import RunFile

@Suite struct PaceTests {
  /// Appends at regular moments, and returns how long the oldest row waited before each flush.
  private func waits(stepSeconds: Double, steps: Int) -> [Double] {
    var pace = Pace(interval: 2)
    let start = ContinuousClock.now
    var oldest: Double?
    var waits: [Double] = []
    for step in 0..<steps {
      let time = Double(step) * stepSeconds
      oldest = oldest ?? time
      if pace.isDue(afterAppending: 1, at: start + .seconds(time)) {
        waits.append(time - (oldest ?? time))
        oldest = nil
        pace.flushed()
      }
    }
    return waits
  }

  @Test(arguments: [0.001, 0.05, 0.4, 0.9, 1.1, 1.9])
  func shortStepsShareAFlushAndWaitAtMostTheInterval(stepSeconds: Double) {
    let waits = waits(stepSeconds: stepSeconds, steps: 1 + Int(20 / stepSeconds))
    #expect(waits.allSatisfy { $0 <= 2 })
    // The first step is flushed at once: nothing tells yet how long steps take.
    #expect(waits.first == 0)
    #expect(waits.count <= 1 + Int(20 / max(stepSeconds, 2 * 0.9 - 2 * stepSeconds)))
  }

  @Test func longStepsAreFlushedAtOnce() {
    #expect(waits(stepSeconds: 30, steps: 5) == [0, 0, 0, 0, 0])
  }

  @Test func manyBytesAreFlushedAtOnce() {
    var pace = Pace(interval: 1000)
    let now = ContinuousClock.now
    let first = pace.isDue(afterAppending: 1, at: now)
    pace.flushed()
    let few = pace.isDue(afterAppending: 1, at: now + .seconds(1))
    let many = pace.isDue(afterAppending: Pace.waitingLimit, at: now + .seconds(2))
    #expect(first && !few && many)
  }
}
