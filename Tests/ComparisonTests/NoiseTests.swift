import Analysis
import Documents
import RealModule
import Statistics
import Testing

@testable import Comparison

@Suite struct NoiseTests {
  private let pairs = [(first: 0, second: 1), (first: 0, second: 2), (first: 1, second: 2)]

  @Test func twoSeedsGiveARatioAlone() {
    let yardstick = NoiseYardstick(
      change: 0.5, differences: [0.125], pairs: [(first: 0, second: 1)], seedCount: 2)
    #expect(abs(yardstick.ratio.value - 4) < 1e-14 && yardstick.ratio.interval == nil)
    #expect(yardstick.isAboveNoise)
  }

  /// Logarithms 1, 2, 3 of the pairs 01, 02, 12: mean 2, without seed 0 3, without 1 2, without 2 1; pseudo-values 3·2 - 2·3 = 0,
  /// 2, 4 with mean 2 and standard error 2/√3; Student's t with two degrees of freedom is 4.3027.
  @Test func threeSeedsGiveTheJackknifesInterval() throws {
    let yardstick = NoiseYardstick(change: 1e5, differences: [10, 100, 1000], pairs: pairs, seedCount: 3)
    #expect(abs(yardstick.noise - 100) < 1e-10)
    #expect(abs(yardstick.ratio.value - 1000) < 1e-9)
    let interval = try #require(yardstick.ratio.interval)
    let half = 4.302652729749464 * 2 / 3.0.squareRoot()
    #expect(abs(Double.log10(interval.lower) - (3 - half)) < 1e-9)
    #expect(abs(Double.log10(interval.upper) - (3 + half)) < 1e-9)
    // The ratio is above 1, its interval is not.
    #expect(!yardstick.isAboveNoise)
  }

  @Test func whatCannotBeSaidIsUndefined() {
    let infinite = NoiseYardstick(change: .infinity, differences: [1, 1, 1], pairs: pairs, seedCount: 3)
    #expect(infinite.ratio.value.isNaN && !infinite.isAboveNoise)
    // Seeds without any difference, e.g. a frozen tensor: every change is more.
    let frozen = NoiseYardstick(change: 0.1, differences: [0, 0, 0], pairs: pairs, seedCount: 3)
    #expect(frozen.ratio.value == .infinity && frozen.isAboveNoise)
    let both = NoiseYardstick(change: 0, differences: [0, 0, 0], pairs: pairs, seedCount: 3)
    #expect(both.ratio.value.isNaN && !both.isAboveNoise)
  }

  @Test func yardsticksAreOfGroups() throws {
    let seeds = [0.25, 0.5].map { TinyModels.shifted("fc1.weight", by: $0) }
    let comparison = try TinyModels.compare(
      TinyModels.decoder(), TinyModels.shifted("fc1.weight", by: 1), noise: seeds)
    let group = try #require(
      comparison.measurement.groups(by: .operation).first { $0.operation == "fc1.weight" })
    let yardstick = try #require(comparison.yardstick(group))
    // Seeds: 96 elements differ by 1/4; the first one's squares are 32 (1.25² + 2.25² + 3.25²).
    let noise = (96.0 / 16).squareRoot() / (32 * (1.5625 + 5.0625 + 10.5625)).squareRoot()
    #expect(abs(yardstick.noise - noise) < 1e-12)
    let table = comparison.table(by: .operation)
    #expect(table.columns.contains { $0.key == "noise_ratio" })
    #expect(table.notes.contains { $0.contains("seed0.safetensors, seed1.safetensors") })
  }
}
