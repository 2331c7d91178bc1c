import Architecture
import Kernels
import RealModule
import RunData
import Testing

/// Attention against loops over single numbers in float64, and what it says of logits that it does not keep.
@Suite struct AttentionTests {
  private static let shape = AttentionShape(
    batchSize: 2, sequenceLength: 19, headCount: 3, headDim: 4, isCausal: true)

  /// Inputs and outputs of one attention, `(B*T, heads * headDim)` each.
  private struct Values {
    let shape: AttentionShape
    let team = Team(threadCount: 2)
    let query, key, value, output, outputGradient, queryGradient, keyGradient, valueGradient: Buffer<Float>
    let logSumExp: Buffer<Float>
    let workspace: Workspace<Float>

    init(_ shape: AttentionShape, queryScale: Float = 1) {
      self.shape = shape
      let count = shape.batchSize * shape.sequenceLength * shape.headCount * shape.headDim
      func filled(_ factor: Int, _ scale: Float) -> Buffer<Float> {
        let buffer = Buffer<Float>(count: count)
        buffer.row.assign((0..<count).map { Float(($0 * factor) % 97 - 48) / 48 * scale })
        return buffer
      }
      query = filled(7, queryScale)
      key = filled(11, 1)
      value = filled(13, 1)
      outputGradient = filled(17, 1)
      output = Buffer(count: count)
      queryGradient = Buffer(count: count)
      keyGradient = Buffer(count: count)
      valueGradient = Buffer(count: count)
      logSumExp = Buffer(count: shape.batchSize * shape.headCount * shape.sequenceLength)
      workspace = Workspace(team: team, capacity: shape.scratchCount(of: Float.self))
    }

    func matrix(_ buffer: Buffer<Float>) -> Matrix<Float> {
      buffer.matrix(rows: shape.batchSize * shape.sequenceLength, width: shape.headCount * shape.headDim)
    }

    func run(
      precision: Precision = .fp32, logits: SumSlots? = nil, statistics: AttentionSlots? = nil,
      gradients: SumSlots? = nil
    ) {
      attentionForward(
        shape, factors: Float.self, query: matrix(query), key: matrix(key), value: matrix(value),
        into: matrix(output),
        logSumExp: logSumExp.row, dropout: nil, precision: precision, logitSums: logits,
        statistics: statistics,
        team: team, workspace: workspace)
      attentionBackward(
        shape, factors: Float.self, outputGradient: matrix(outputGradient), query: matrix(query),
        key: matrix(key),
        value: matrix(value), logSumExp: logSumExp.row, dropout: nil, queryGradient: matrix(queryGradient),
        keyGradient: matrix(keyGradient), valueGradient: matrix(valueGradient), precision: precision,
        gradientSums: gradients, team: team, workspace: workspace)
    }

    var results: [[Float]] {
      [output, queryGradient, keyGradient, valueGradient].map { $0.row.array() }
    }

    /// Σ over a head's elements of two positions.
    func dot(_ one: Buffer<Float>, _ a: Int, _ other: Buffer<Float>, _ b: Int, head: Int) -> Double {
      (head * shape.headDim..<(head + 1) * shape.headDim).reduce(0) {
        $0 + Double(matrix(one)[a][$1]) * Double(matrix(other)[b][$1])
      }
    }

    /// Calls `body` with the logits that each query sees, of one head, and their gradients `P (dP - Σ P dP)`.
    func forEachQuery(_ body: (_ logits: [Double], _ gradients: [Double]) -> Void) {
      for batch in 0..<shape.batchSize {
        for head in 0..<shape.headCount {
          for position in 0..<shape.sequenceLength {
            let row = batch * shape.sequenceLength + position
            let keys = batch * shape.sequenceLength...row
            let logits = keys.map {
              dot(query, row, key, $0, head: head) / Double(shape.headDim).squareRoot()
            }
            let most = logits.max() ?? 0
            let exponentials = logits.map { Double(Float.exp(SIMD16(repeating: Float($0 - most)))[0]) }
            let sum = exponentials.reduce(0, +)
            let dP = keys.map { dot(outputGradient, row, value, $0, head: head) }
            let mean = zip(exponentials, dP).reduce(0) { $0 + $1.0 / sum * $1.1 }
            body(logits, zip(exponentials, dP).map { $0 / sum * ($1 - mean) })
          }
        }
      }
    }
  }

  private func expectClose(_ found: TensorSums, _ values: [Double]) {
    #expect(found.count == values.count)
    // Float32 products of four terms, and for gradients a float32 softmax.
    let l1 = values.reduce(0) { $0 + $1.magnitude }
    #expect(abs(found.l1 - l1) <= 1e-5 * l1)
    let most = values.map(\.magnitude).max() ?? 0
    #expect(abs(found.maxAbs - most) <= 1e-5 * most)
    #expect(found.nonfinite == 0)
  }

  @Test func logitsAreSummedAsASlowLoopHasThem() {
    let values = Values(Self.shape, queryScale: 3)
    let slots = (SumSlots(count: 6), SumSlots(count: 6))
    values.run(logits: slots.0, gradients: slots.1)
    var (logits, gradients): ([Double], [Double]) = ([], [])
    values.forEachQuery {
      logits += $0
      gradients += $1
    }
    expectClose(slots.0.merged, logits)
    expectClose(slots.1.merged, gradients)
  }

  /// Causal and not, with a window, with a cap: entropy, first token's share and largest logit as loops over float64 numbers have them.
  @Test(arguments: [
    AttentionShape(batchSize: 2, sequenceLength: 19, headCount: 3, headDim: 4, isCausal: true),
    AttentionShape(batchSize: 2, sequenceLength: 19, headCount: 3, headDim: 4, isCausal: false),
    AttentionShape(batchSize: 2, sequenceLength: 19, headCount: 3, headDim: 4, isCausal: true, window: 5),
    AttentionShape(batchSize: 2, sequenceLength: 70, headCount: 1, headDim: 4, isCausal: true, softCap: 2),
    AttentionShape(batchSize: 1, sequenceLength: 1, headCount: 2, headDim: 4, isCausal: true),
  ])
  func headsSayWhatTheirProbabilitiesDo(shape: AttentionShape) {
    let values = Values(shape, queryScale: 5)
    let slots = AttentionSlots(count: shape.batchSize * shape.headCount)
    values.run(statistics: slots)
    for batch in 0..<shape.batchSize {
      for head in 0..<shape.headCount {
        var expected = AttentionSums.empty
        for position in 0..<shape.sequenceLength {
          let row = batch * shape.sequenceLength + position
          let lowest = shape.window.map { max(0, position - $0 + 1) } ?? 0
          let keys = lowest..<(shape.isCausal ? position + 1 : shape.sequenceLength)
          guard keys.count > 1 else { continue }
          let logits = keys.map {
            values.dot(values.query, row, values.key, batch * shape.sequenceLength + $0, head: head) / 2
          }
          let capped = logits.map { logit in shape.softCap.map { $0 * Double.tanh(logit / $0) } ?? logit }
          let sum = capped.reduce(0) { $0 + Double.exp($1) }
          let probabilities = capped.map { Double.exp($0) / sum }
          let seesFirst = keys.lowerBound == 0
          expected = expected.merged(
            with: AttentionSums(
              queries: 1, entropy: probabilities.reduce(0) { $0 - $1 * Double.log($1) },
              firstQueries: seesFirst ? 1 : 0, firstShare: seesFirst ? probabilities[0] : 0,
              maxLogit: logits.max() ?? 0))
        }
        let found = slots[batch * shape.headCount + head]
        #expect(found.queries == expected.queries && found.firstQueries == expected.firstQueries)
        // Float32 logits and exponentials.
        #expect(abs(found.entropy - expected.entropy) <= 1e-5 * max(1, expected.entropy))
        #expect(abs(found.firstShare - expected.firstShare) <= 1e-5 * max(1, expected.firstShare))
        #expect(
          found.maxLogit == expected.maxLogit
            || abs(found.maxLogit - expected.maxLogit) <= 1e-5 * expected.maxLogit)
      }
    }
  }

  @Test func measuringLogitsChangesNothing() {
    let (measured, plain) = (Values(Self.shape), Values(Self.shape))
    measured.run(
      logits: SumSlots(count: 6), statistics: AttentionSlots(count: 6), gradients: SumSlots(count: 6))
    plain.run()
    #expect(measured.results == plain.results)
  }

  /// Sums do not depend on which thread took which head.
  @Test func logitSumsAreTheSameEveryTime() {
    let sums = (0..<20).map { _ in
      let slots = SumSlots(count: 6)
      Values(Self.shape).run(logits: slots)
      return slots.merged
    }
    #expect(sums.allSatisfy { $0 == sums[0] })
  }

  /// Softmax does not see what all logits of a query have in common, not even where it is far below zero.
  @Test(arguments: [Float(-400), 400])
  func aCommonShiftOfTheLogitsChangesNoGradient(shift: Float) {
    let shape = AttentionShape(batchSize: 1, sequenceLength: 21, headCount: 1, headDim: 4, isCausal: true)
    let (plain, shifted) = (Values(shape), Values(shape))
    for values in [plain, shifted] {
      for row in 0..<21 {
        values.matrix(values.key)[row][3] = 1
        values.matrix(values.query)[row][3] = values.query === shifted.query ? 2 * shift : 0
      }
    }
    plain.run()
    shifted.run()
    #expect(shifted.keyGradient.row.array().allSatisfy { $0.isFinite })
    // The keys' gradients hold the shift itself; the others do not. Logits near 400 have a last place of 3e-5.
    for (one, other) in [
      (plain.output, shifted.output), (plain.queryGradient, shifted.queryGradient),
      (plain.valueGradient, shifted.valueGradient),
    ] {
      #expect(zip(one.row.array(), other.row.array()).allSatisfy { abs($0 - $1) <= 1e-3 })
    }
  }
}
