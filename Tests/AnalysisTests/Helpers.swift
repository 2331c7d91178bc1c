import Foundation
import Testing

/// Whether two numbers agree to a relative tolerance; a comparison with a number that is not finite fails.
func isClose(_ actual: Double, _ expected: Double, relative tolerance: Double) -> Bool {
  actual.isFinite && expected.isFinite && abs(actual - expected) <= tolerance * max(abs(expected), 1e-300)
}

func pow2(_ x: Double) -> Double { exp2(x) }

/// What `make_golden.py` computed.
struct Golden: Decodable {
  struct BlockLengthCase: Decodable {
    var series: [Double]
    var length: Int
  }
  struct StepsCase: Decodable {
    var values: [[Double]]
    var gapBefore: Int
    var blockLength: Int
    var earlyLate, spread, slope, layer0: [Double]
  }
  struct SeedsCase: Decodable {
    var profiles: [[Double]]
    var earlyLate, spread, slope, layer2: [Double]
  }
  var studentT: [[Double]]
  var blockLengths: [BlockLengthCase]
  var steps: StepsCase
  var seeds: SeedsCase

  static func load() throws -> Golden {
    let url = try #require(Bundle.module.url(forResource: "golden", withExtension: "json"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }
}
