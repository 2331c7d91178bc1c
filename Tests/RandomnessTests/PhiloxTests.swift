import Randomness
import Testing

@Suite struct PhiloxTests {
  /// Known answers of Philox4x32-10, from the reference implementation's `kat_vectors`.
  @Test func matchesTheReferenceVectors() {
    #expect(
      Philox(seed: 0, stream: 0).words(at: 0)
        == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    #expect(
      Philox(seed: .max, stream: .max).words(at: .max)
        == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    #expect(
      Philox(seed: 0x299F_31D0_A409_3822, stream: 0x0370_7344_1319_8A2E).words(at: 0x85A3_08D3_243F_6A88)
        == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  @Test func normalHasTheMomentsOfANormal() {
    let generator = Philox(seed: 7, stream: "decoder.layers.0.fc1.weight")
    let count = 100_000
    let values = (0..<count).map { generator.normal(at: UInt64($0)) }
    let mean = values.reduce(0, +) / Double(count)
    let variance = values.reduce(0) { $0 + $1 * $1 } / Double(count)
    // Five standard errors: 1/sqrt(n) for the mean, sqrt(2/n) for the variance.
    #expect(abs(mean) < 5 / Double(count).squareRoot())
    #expect(abs(variance - 1) < 5 * (2 / Double(count)).squareRoot())
  }

  @Test func integersCoverTheirRangeEvenly() {
    let generator = Philox(seed: 1, stream: 2)
    var counts = Array(repeating: 0, count: 10)
    for position in 0..<10_000 { counts[generator.integer(below: 10, at: UInt64(position))] += 1 }
    // Five standard deviations of a binomial with n = 10,000 and p = 1/10.
    for count in counts { #expect(abs(count - 1000) < 150) }
  }

  @Test func streamsDiffer() {
    let one = Philox(seed: 1, stream: "a")
    let other = Philox(seed: 1, stream: "b")
    #expect(one.words(at: 0) != other.words(at: 0))
    #expect((0..<1000).allSatisfy { one.uniform(at: $0) >= 0 && one.uniform(at: $0) < 1 })
  }
}
