import Foundation
import Kernels
import Testing

/// The vectorised functions against libm.
@Suite struct ElementaryTests {
  @Test func expIsWithinTwoUlp() {
    for start in stride(from: Float(-87), to: 88, by: 0.37) {
      let x = SIMD16<Float>((0..<16).map { start + Float($0) * 0.0231 })
      let result = Float.exp(x)
      for lane in 0..<16 where x[lane] <= 88 {
        let expected = exp(Double(x[lane]))
        // Two units in the last place of a Float.
        #expect(abs(Double(result[lane]) - expected) <= 2 * expected * 0x1p-23, "exp(\(x[lane]))")
      }
    }
  }

  @Test func expHasItsLimits() {
    let x = SIMD16<Float>(
      [-.infinity, -1000, -88, 0, 89, 1000, .infinity, .nan] + Array(repeating: Float(0), count: 8))
    let result = Float.exp(x)
    #expect(result[0] == 0 && result[1] == 0 && result[2] == 0)
    #expect(result[3] == 1)
    #expect(result[4] == .infinity && result[5] == .infinity && result[6] == .infinity)
    #expect(result[7].isNaN)
  }

  @Test func normalDistributionIsExactInTheTailToo() {
    for start in stride(from: Float(-12), to: 12, by: 0.31) {
      let x = SIMD16<Float>((0..<16).map { start + Float($0) * 0.0194 })
      let result = Float.normalCDF(x, exponential: Float.exp(x * x * -0.5))
      for lane in 0..<16 {
        let argument = Double(x[lane])
        let expected = 0.5 * erfc(-argument / 2.0.squareRoot())
        // Some ten roundings of a polynomial whose terms cancel, and rounding of x²/2, as for any float32 exp(-x²/2).
        let tolerance = (12 + argument * argument) * 0x1p-24
        #expect(abs(Double(result[lane]) - expected) <= tolerance * expected, "Φ(\(x[lane]))")
      }
    }
  }
}
