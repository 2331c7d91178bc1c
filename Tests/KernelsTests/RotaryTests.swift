import Architecture
import Kernels
import Testing

/// Rotary positions: what a rotation must keep, and what it is there for.
@Suite struct RotaryTests {
  private let team = Team(threadCount: 2)

  private func angles(_ length: Int, _ width: Int, _ pairing: RotaryPairing) -> RotaryAngles<Double> {
    RotaryAngles(sequenceLength: length, rotatedWidth: width, theta: 10_000, pairing: pairing)
  }

  @Test(arguments: RotaryPairing.allCases)
  func aPairTurnsByPositionTimesFrequency(pairing: RotaryPairing) {
    // Four elements: frequencies 1 and 1/100. The two pairs hold (1, 0) and (0, 1).
    let first = pairing == .halves ? [1.0, 0, 0, 1] : [1.0, 0, 0, 1]
    let x = buffer((0..<5).flatMap { _ in first })
    rotaryForward(angles(5, 4, pairing), headDim: 4, heads: x.row.matrix(width: 4), team: team)
    let row = x.row.matrix(width: 4)[3].array()
    let expected =
      pairing == .halves
      // Pairs (0, 2) and (1, 3): (1, 0) turns by 3, (0, 1) by 0.03.
      ? [-0.9899924966004454, -0.02999550020249566, 0.1411200080598672, 0.9995500337489875]
      // Pairs (0, 1) and (2, 3).
      : [-0.9899924966004454, 0.1411200080598672, -0.02999550020249566, 0.9995500337489875]
    for (found, number) in zip(row, expected) { #expect(abs(found - number) <= 1e-15) }
  }

  @Test(arguments: RotaryPairing.allCases, [6, 16, 40])
  func lengthsStayAndTheRestOfTheHeadToo(pairing: RotaryPairing, width: Int) {
    let headDim = 44
    let x = buffer(wave(7 * 3 * headDim, 11))
    let before = x.row.array()
    rotaryForward(
      angles(7, width, pairing), headDim: headDim, heads: x.row.matrix(width: 3 * headDim), team: team)
    let after = x.row.array()
    for head in 0..<21 {
      let turned = head * headDim..<head * headDim + width
      let length = { (values: [Double]) in values[turned].reduce(0) { $0 + $1 * $1 } }
      // Each pair's two squares are rounded a few times.
      #expect(abs(length(after) - length(before)) <= 1e-14 * length(before) * Double(width))
      #expect(
        after[turned.upperBound..<(head + 1) * headDim] == before[turned.upperBound..<(head + 1) * headDim])
    }
  }

  /// q·k of two positions is a function of their distance.
  @Test(arguments: RotaryPairing.allCases)
  func productsDependOnDistancesAlone(pairing: RotaryPairing) {
    let (q, k) = (wave(12, 7), wave(12, 23))
    let queries = buffer((0..<9).flatMap { _ in q })
    let keys = buffer((0..<9).flatMap { _ in k })
    for heads in [queries, keys] {
      rotaryForward(angles(9, 12, pairing), headDim: 12, heads: heads.row.matrix(width: 12), team: team)
    }
    func product(_ a: Int, _ b: Int) -> Double {
      dot(queries.row.matrix(width: 12)[a], keys.row.matrix(width: 12)[b])
    }
    for distance in 0..<5 {
      for start in 1..<4 {
        #expect(abs(product(start + distance, start) - product(distance, 0)) <= 1e-14)
      }
    }
  }

  @Test(arguments: RotaryPairing.allCases)
  func backwardTurnsBack(pairing: RotaryPairing) {
    let x = buffer(wave(5 * 2 * 34, 11))
    let before = x.row.array()
    let angles = angles(5, 34, pairing)
    let heads = x.row.matrix(width: 2 * 34)
    rotaryForward(angles, headDim: 34, heads: heads, team: team)
    #expect(x.row.array() != before)
    rotaryBackward(angles, headDim: 34, gradient: heads, team: team)
    for (found, number) in zip(x.row.array(), before) { #expect(abs(found - number) <= 1e-15) }
  }
}
