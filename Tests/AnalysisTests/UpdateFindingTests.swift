import RunData
import Testing

@testable import Analysis

/// What updates against weights say, at the edges of the stated thresholds.
@Suite struct UpdateFindingTests {
  /// One large tensor in six layers of 1024 elements, and a gain of 8.
  private func findings(weight: [Double], update: [Double]) -> UpdateFindings {
    let layers = weight.count
    let layout = GradientLayout(
      layerNames: (0..<layers).map { "decoder.layers.\($0)" }, tensorNames: ["fc2.weight", "norm.weight"],
      stemTensorNames: [], elementCounts: (0..<layers).flatMap { _ in [1024, 8] }, stemElementCounts: [],
      isZeroByConstruction: (0..<layers).flatMap { _ in [false, false] })
    func squares(_ values: [Double]) -> [Double] { values.flatMap { [1024 * $0 * $0, 8] } }
    return UpdateFindings(
      ParameterMeans(steps: 30...39, weightSquares: squares(weight), updateSquares: squares(update)),
      of: layout)
  }

  @Test func aLayerThatHardlyMovesAndOneThatMovesFastAreNamed() {
    let even = Array(repeating: 1e-3, count: 6)
    #expect(findings(weight: Array(repeating: 1, count: 6), update: even).outliers.isEmpty)
    var update = even
    update[2] = 1.9e-4
    update[4] = 5.1e-3
    let found = findings(weight: Array(repeating: 1, count: 6), update: update).outliers
    #expect(
      found == [
        "fc2.weight hardly moves in layer 2: update/weight 0.000190 against 0.00100 in the median layer, over steps 30 to 39",
        "fc2.weight moves fast in layer 4: update/weight 0.00510 against 0.00100 in the median layer, over steps 30 to 39",
      ])
    update[2] = 2.1e-4
    update[4] = 4.9e-3
    #expect(findings(weight: Array(repeating: 1, count: 6), update: update).outliers.isEmpty)
    // The ratio counts, not the update: twice the weights, twice the updates.
    #expect(
      findings(weight: [1, 2, 4, 8, 16, 32], update: [1, 2, 4, 8, 16, 32].map { $0 * 1e-3 }).outliers.isEmpty)
    update[2] = 0
    #expect(findings(weight: Array(repeating: 1, count: 6), update: update).outliers.count == 1)
    #expect(
      findings(weight: Array(repeating: 1, count: 6), update: Array(repeating: 0, count: 6)).outliers.isEmpty)
  }

  /// In [1, 2) half a unit of bf16's last place is 2⁻⁸; in [0.5, 1) half of that.
  @Test func updatesThatBF16WouldLoseAreCounted() {
    let half = 1.0 / 256
    func lost(_ weight: Double, _ update: Double) -> Bool {
      findings(weight: [weight, weight, weight], update: [update, update, update]).lostInBF16 != nil
    }
    #expect(lost(1, half * 0.99) && !lost(1, half * 1.01))
    #expect(lost(1.99, half * 0.99) && !lost(0.99, half * 0.99) && lost(0.99, half * 0.49))
    #expect(!lost(1, 0), "what does not move is not lost")
    let some = findings(weight: [1, 1, 1], update: [half * 2, half / 2, half / 2]).lostInBF16
    #expect(some?.hasPrefix("in 2 of 3 large tensors the update's RMS") == true)
  }
}
