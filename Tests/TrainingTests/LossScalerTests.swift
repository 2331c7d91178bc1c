import Testing
import Training

/// The loss scale as fairseq's `DynamicLossScaler` moves it.
@Suite struct LossScalerTests {
  private func scaler(_ scale: Double = 128, window: Int = 4) -> LossScaler {
    LossScaler(LossScaling(initialScale: scale, window: window))
  }

  @Test func itDoublesAfterAWindowOfUpdates() {
    var scaler = scaler()
    var scales: [Double] = []
    for _ in 0..<9 {
      scaler.noteUpdate()
      scales.append(scaler.scale)
    }
    #expect(scales == [128, 128, 128, 256, 256, 256, 256, 512, 512])
    #expect(scaler.skippedSteps == 0)
  }

  @Test func anOverflowHalvesItAndStartsTheWindowAnew() {
    var scaler = scaler()
    for _ in 0..<3 { scaler.noteUpdate() }
    let isOver = scaler.noteOverflow()
    #expect(!isOver && scaler.scale == 64 && scaler.skippedSteps == 1)
    for _ in 0..<3 { scaler.noteUpdate() }
    #expect(scaler.scale == 64)
    scaler.noteUpdate()
    #expect(scaler.scale == 128)
  }

  /// 128 / 2²⁰ = 1.22e-4 is above 1e-4, the next half is not: 20 halvings, and the 21st overflow ends training.
  @Test func overflowsWithoutEndExhaustIt() {
    var scaler = scaler()
    let ends = (0..<21).map { _ in scaler.noteOverflow() }
    #expect(ends == Array(repeating: false, count: 20) + [true])
    #expect(scaler.scale == 128 * 0x1p-20 && scaler.skippedSteps == 21)
  }

  /// fairseq's condition is `<=`: a scale that falls to the least exactly is too small too.
  @Test func theLeastScaleItselfIsTooSmall() {
    var scaler = LossScaler(LossScaling(initialScale: 1, window: 1, leastScale: 0.25))
    let ends = [scaler.noteOverflow(), scaler.noteOverflow()]
    #expect(ends == [false, true] && scaler.scale == 0.5)
  }
}
