import Kernels
import RunData
import Testing

/// Grouped queries, windows and soft caps: against loops, against plain attention, and by central differences.
@Suite struct AttentionShapeTests {
  /// Inputs and results of one attention in float64.
  private struct Values {
    let shape: AttentionShape
    let query, key, value, output, outputGradient, queryGradient, keyGradient, valueGradient: Buffer<Double>
    let logSumExp: Buffer<Double>
    let team = Team(threadCount: 2)
    let workspace: Workspace<Double>
    let logits: SumSlots

    init(_ shape: AttentionShape) {
      self.shape = shape
      let rows = shape.batchSize * shape.sequenceLength
      let (wide, narrow) = (
        rows * shape.headCount * shape.headDim, rows * shape.keyValueHeadCount * shape.headDim
      )
      query = buffer(wave(wide, 7, scale: 2))
      key = buffer(wave(narrow, 11, scale: 2))
      value = buffer(wave(narrow, 13))
      outputGradient = buffer(wave(wide, 17))
      output = Buffer(count: wide)
      queryGradient = Buffer(count: wide)
      keyGradient = Buffer(count: narrow)
      valueGradient = Buffer(count: narrow)
      logSumExp = Buffer(count: rows * shape.headCount)
      workspace = Workspace(team: team, capacity: shape.scratchCount(of: Double.self))
      logits = SumSlots(count: shape.batchSize * shape.headCount)
    }

    func matrix(_ buffer: Buffer<Double>) -> Matrix<Double> {
      buffer.row.matrix(width: buffer.count / (shape.batchSize * shape.sequenceLength))
    }

    func forward() {
      attentionForward(
        shape, factors: Double.self, query: matrix(query), key: matrix(key), value: matrix(value),
        into: matrix(output),
        logSumExp: logSumExp.row, dropout: nil, logitSums: logits, team: team, workspace: workspace)
    }

    func backward() {
      attentionBackward(
        shape, factors: Double.self, outputGradient: matrix(outputGradient), query: matrix(query),
        key: matrix(key),
        value: matrix(value), logSumExp: logSumExp.row, dropout: nil, queryGradient: matrix(queryGradient),
        keyGradient: matrix(keyGradient), valueGradient: matrix(valueGradient), team: team,
        workspace: workspace)
    }

    /// The outputs by loops over single numbers.
    func slowOutput() -> [Double] {
      let (length, width) = (shape.sequenceLength, shape.headDim)
      var result: [Double] = []
      for batch in 0..<shape.batchSize {
        for position in 0..<length {
          for head in 0..<shape.headCount {
            let keyHead = head * shape.keyValueHeadCount / shape.headCount
            let first = shape.window.map { max(0, position - $0 + 1) } ?? 0
            let keys = Array(first...(shape.isCausal ? position : length - 1))
            func element(_ buffer: Buffer<Double>, _ row: Int, _ head: Int, _ index: Int) -> Double {
              matrix(buffer)[batch * length + row][head * width + index]
            }
            var logits = keys.map { key in
              (0..<width).reduce(0) {
                $0 + element(query, position, head, $1) * element(self.key, key, keyHead, $1)
              } * shape.scoreScale
            }
            if let cap = shape.softCap {
              logits = logits.map { Double.tanh(SIMD8(repeating: $0 / cap))[0] * cap }
            }
            let exponentials = logits.map { Double.exp(SIMD8(repeating: $0))[0] }
            let sum = exponentials.reduce(0, +)
            for index in 0..<width {
              result.append(
                zip(keys, exponentials).reduce(0) {
                  $0 + $1.1 / sum * element(value, $1.0, keyHead, index)
                })
            }
          }
        }
      }
      return result
    }
  }

  static let shapes = [
    AttentionShape(
      batchSize: 2, sequenceLength: 7, headCount: 4, keyValueHeadCount: 2, headDim: 3, isCausal: true),
    AttentionShape(
      batchSize: 1, sequenceLength: 7, headCount: 3, keyValueHeadCount: 1, headDim: 5, isCausal: false),
    AttentionShape(batchSize: 2, sequenceLength: 9, headCount: 2, headDim: 3, isCausal: true, window: 4),
    AttentionShape(batchSize: 1, sequenceLength: 9, headCount: 2, headDim: 3, isCausal: true, window: 1),
    AttentionShape(
      batchSize: 1, sequenceLength: 1, headCount: 2, keyValueHeadCount: 1, headDim: 3, isCausal: true,
      window: 3),
    AttentionShape(batchSize: 1, sequenceLength: 6, headCount: 2, headDim: 3, isCausal: true, softCap: 1.5),
    AttentionShape(
      batchSize: 2, sequenceLength: 9, headCount: 6, keyValueHeadCount: 2, headDim: 4, isCausal: true,
      window: 5,
      scoreScale: 0.3, softCap: 2),
    // More than one block of queries, and windows that begin inside a block.
    AttentionShape(
      batchSize: 1, sequenceLength: 150, headCount: 2, keyValueHeadCount: 1, headDim: 2, isCausal: true,
      window: 70),
  ]

  @Test(arguments: shapes)
  func outputsAreThoseOfLoops(shape: AttentionShape) {
    let values = Values(shape)
    values.forward()
    for (found, expected) in zip(values.output.row.array(), values.slowOutput()) {
      // Sums of up to 150 terms near 1 in another order.
      #expect(abs(found - expected) <= 1e-13)
    }
  }

  @Test(arguments: shapes.dropLast())
  func gradientsAreCentralDifferences(shape: AttentionShape) {
    let values = Values(shape)
    values.forward()
    values.backward()
    for (gradient, input, name) in [
      (values.queryGradient, values.query, "query"), (values.keyGradient, values.key, "key"),
      (values.valueGradient, values.value, "value"),
    ] {
      expectGradient(gradient.row.array(), of: input, name) {
        values.forward()
        return dot(values.output.row, values.outputGradient.row)
      }
    }
  }

  /// With as many heads of keys as of queries, grouping is the identity; a group of copies is plain attention.
  @Test func aGroupOfCopiesIsPlainAttention() {
    let grouped = Values(Self.shapes[0])
    let plain = Values(
      AttentionShape(batchSize: 2, sequenceLength: 7, headCount: 4, headDim: 3, isCausal: true))
    for (narrow, wide) in [(grouped.key, plain.key), (grouped.value, plain.value)] {
      for row in 0..<14 {
        for head in 0..<4 {
          for index in 0..<3 {
            plain.matrix(wide)[row][head * 3 + index] = grouped.matrix(narrow)[row][head / 2 * 3 + index]
          }
        }
      }
    }
    for values in [grouped, plain] {
      values.forward()
      values.backward()
    }
    #expect(grouped.output.row.array() == plain.output.row.array())
    #expect(grouped.queryGradient.row.array() == plain.queryGradient.row.array())
    for row in 0..<14 {
      for index in 0..<6 {
        let copies = plain.matrix(plain.keyGradient)[row]
        let (head, element) = (index / 3, index % 3)
        let sum = copies[2 * head * 3 + element] + copies[(2 * head + 1) * 3 + element]
        #expect(abs(grouped.matrix(grouped.keyGradient)[row][index] - sum) <= 1e-14)
      }
    }
  }

  @Test func aWindowAsLongAsTheSequenceIsNone() {
    let plain = Values(
      AttentionShape(batchSize: 2, sequenceLength: 70, headCount: 2, headDim: 3, isCausal: true))
    let windowed = Values(
      AttentionShape(batchSize: 2, sequenceLength: 70, headCount: 2, headDim: 3, isCausal: true, window: 70))
    for values in [plain, windowed] {
      values.forward()
      values.backward()
    }
    #expect(plain.output.row.array() == windowed.output.row.array())
    #expect(plain.keyGradient.row.array() == windowed.keyGradient.row.array())
    #expect(plain.logits.merged == windowed.logits.merged)
  }

  /// A query that sees a window has that many logits.
  @Test func logitsOfAWindowAreCounted() {
    let values = Values(Self.shapes[2])
    values.forward()
    // 1 + 2 + 3 and six of 4, for 2 sequences of 2 heads.
    #expect(values.logits.merged.count == 4 * (6 + 24))
  }

  @Test func aHighCapIsNone() {
    let shape = {
      AttentionShape(batchSize: 1, sequenceLength: 6, headCount: 2, headDim: 3, isCausal: true, softCap: $0)
    }
    let (plain, capped) = (Values(shape(nil)), Values(shape(1e8)))
    plain.forward()
    capped.forward()
    for (one, other) in zip(plain.output.row.array(), capped.output.row.array()) {
      #expect(abs(one - other) <= 1e-14)
    }
  }
}
