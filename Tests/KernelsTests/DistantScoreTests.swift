import Architecture
import Foundation
import RunData
import Testing

@testable import Kernels

/// Attention against a slow one in float64, on scores that a trained model can have.
struct DistantScoreTests {
  /// One head's attention, written as the definition reads.
  private struct Reference {
    var output: [[Double]]
    var dQ: [[Double]]
    var dK: [[Double]]
    var dV: [[Double]]

    init(q: [[Double]], k: [[Double]], v: [[Double]], dO: [[Double]]) {
      let (length, width) = (q.count, q[0].count)
      let scale = 1 / Double(width).squareRoot()
      let zero = Array(repeating: Array(repeating: 0.0, count: width), count: length)
      (output, dQ, dK, dV) = (zero, zero, zero, zero)
      func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      for i in 0..<length {
        let scores = (0...i).map { scale * dot(q[i], k[$0]) }
        let weights = scores.map { exp($0 - (scores.max() ?? 0)) }
        let p = weights.map { $0 / weights.reduce(0, +) }
        let dP = (0...i).map { dot(dO[i], v[$0]) }
        let mean = dot(p, dP)
        for j in 0...i {
          let dS = p[j] * (dP[j] - mean) * scale
          for c in 0..<width {
            output[i][c] += p[j] * v[j][c]
            dV[j][c] += p[j] * dO[i][c]
            dQ[i][c] += dS * k[j][c]
            dK[j][c] += dS * q[i][c]
          }
        }
      }
    }
  }

  /// All scores lie near `level`: far from 0, soft-max does not care, and neither may the gradients.
  @Test(arguments: [0.0, 150, -150, -900], [3, 16, 21])
  func scoresFarFromZeroGiveFiniteGradients(level: Double, length: Int) {
    // Scores of size s carry rounding errors of some units of s, which the soft-max makes relative errors of probabilities.
    check(level, length, Float.self, tolerance: 32 * (1 + abs(level)) * 0x1p-23)
    check(level, length, Double.self, tolerance: 32 * (1 + abs(level)) * 0x1p-52)
  }

  private func check<Scalar: KernelScalar>(_ level: Double, _ length: Int, _: Scalar.Type, tolerance: Double)
  {
    let width = 4
    var generator = Numbers(state: 7)
    func rows(_ count: Int) -> [[Double]] {
      (0..<count).map { _ in (0..<width).map { _ in generator.next() } }
    }
    var (q, k) = (rows(length), rows(length))
    // The last component alone makes the level: its product is 2 * level before the scale of 1/2.
    for i in 0..<length { (q[i][3], k[i][3]) = (level < 0 ? -8 : 8, abs(level) / 4) }
    let (v, dO) = (rows(length), rows(length))
    let expected = Reference(q: q, k: k, v: v, dO: dO)

    let buffers = (0..<8).map { _ in Buffer<Scalar>(count: length * width) }
    for (buffer, values) in zip(buffers, [q, k, v, dO]) {
      buffer.row.assign(values.joined().map { Scalar($0) })
    }
    let matrices = buffers.map { $0.matrix(rows: length, width: width) }
    let logSumExp = Buffer<Scalar>(count: length)
    let shape = AttentionShape(
      batchSize: 1, sequenceLength: length, headCount: 1, headDim: width, isCausal: true)
    let team = Team(threadCount: 1)
    let workspace = Workspace<Scalar>(team: team, capacity: shape.scratchCount(of: Scalar.self))
    attentionForward(
      shape, factors: Scalar.self, query: matrices[0], key: matrices[1], value: matrices[2],
      into: matrices[4],
      logSumExp: logSumExp.row, dropout: nil, precision: .fp32, logitSums: nil, team: team,
      workspace: workspace)
    attentionBackward(
      shape, factors: Scalar.self, outputGradient: matrices[3], query: matrices[0], key: matrices[1],
      value: matrices[2],
      logSumExp: logSumExp.row, dropout: nil, queryGradient: matrices[5], keyGradient: matrices[6],
      valueGradient: matrices[7], precision: .fp32, gradientSums: nil, team: team, workspace: workspace)
    for (buffer, wanted) in zip(buffers[4...], [expected.output, expected.dQ, expected.dK, expected.dV]) {
      let largest = wanted.joined().map(abs).max() ?? 1
      for (found, value) in zip(buffer.row.array(), wanted.joined()) {
        #expect(abs(Double(found) - value) <= tolerance * max(largest, 1), "\(found), not \(value)")
      }
    }
  }

  /// Numbers in -1 ... 1 that are the same on every run.
  private struct Numbers {
    var state: UInt64
    mutating func next() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) / Double(1 << 52) - 1
    }
  }
}
