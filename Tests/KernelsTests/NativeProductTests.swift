import Architecture
import Kernels
import RunData
import Testing

/// Native products against float64, and the halves that they read against the rounding that they stand for.
@Suite struct NativeProductTests {
  /// Elements of many magnitudes, rounded to bfloat16, in memory of their own.
  private func matrix(rows: Int, width: Int, seed: Int, owner: inout [Buffer<Float>]) -> Matrix<Float> {
    let buffer = Buffer<Float>(count: rows * width)
    buffer.row.assign(
      (0..<rows * width).map { index in
        let draw = (index &* 7919 &+ seed &* 104_729) % 2003
        return (Float(draw) / 1001 - 1) * (draw % 3 == 0 ? 0x1p-6 : 1)
      })
    owner.append(buffer)
    let matrix = buffer.matrix(rows: rows, width: width)
    roundElements(matrix, to: .bf16, team: Team(threadCount: 1))
    return matrix
  }

  private func halves(of matrix: Matrix<Float>, team: Team) -> (Buffer<BFloat16>, Matrix<BFloat16>) {
    let buffer = Buffer<BFloat16>(count: matrix.rows * matrix.width)
    let halves = buffer.matrix(rows: matrix.rows, width: matrix.width)
    narrowElements(matrix, into: halves, team: team)
    return (buffer, halves)
  }

  /// A product of two bfloat16 numbers is exact in float32. n of them added up in any order, each addition rounded once, are within
  /// n 2⁻²⁴ / (1 - n 2⁻²⁴) of their magnitudes' sum (Higham 2002, section 4.2); the bias is one more term, what is there already another.
  private func bound(terms: Int, magnitudes: Double) -> Double {
    let unit = Double(terms + 2) * 0x1p-24
    return unit / (1 - unit) * magnitudes
  }

  @Test(
    .enabled(if: NativeProducts.areAvailable),
    arguments: [(1, 1, 1), (3, 5, 2), (17, 33, 65), (64, 48, 130), (200, 31, 19), (40, 700, 96)], [1, 2, 5])
  func linearMapsAreWithinTheOrderOfSums(shape: (rows: Int, outputs: Int, inputs: Int), threads: Int) {
    let team = Team(threadCount: threads)
    var owner: [Buffer<Float>] = []
    let x = matrix(rows: shape.rows, width: shape.inputs, seed: 1, owner: &owner)
    let w = matrix(rows: shape.outputs, width: shape.inputs, seed: 2, owner: &owner)
    let bias = matrix(rows: 1, width: shape.outputs, seed: 3, owner: &owner)[0]
    let dY = matrix(rows: shape.rows, width: shape.outputs, seed: 4, owner: &owner)
    let y = matrix(rows: shape.rows, width: shape.outputs, seed: 5, owner: &owner)
    let dX = matrix(rows: shape.rows, width: shape.inputs, seed: 6, owner: &owner)
    let dW = matrix(rows: shape.outputs, width: shape.inputs, seed: 7, owner: &owner)
    let (before, beforeWeight) = (dX[0].array(), dW[0].array())
    let (xOwner, halfX) = halves(of: x, team: team)
    let (wOwner, halfW) = halves(of: w, team: team)
    let (dOwner, halfDY) = halves(of: dY, team: team)
    linearForward(input: halfX, weight: halfW, bias: bias, into: y, team: team)
    linearBackward(
      outputGradient: halfDY, input: halfX, weight: halfW, weightGradient: dW, accumulating: true,
      inputGradient: dX, accumulatingInput: true, team: team)
    _ = withExtendedLifetime((owner, xOwner, wOwner, dOwner)) { true }
    func check(_ found: Float, _ pairs: [(Float, Float)], plus start: Float) {
      let products = pairs.map { Double($0) * Double($1) } + [Double(start)]
      let magnitudes = products.reduce(0) { $0 + $1.magnitude }
      let error = (Double(found) - products.reduce(0, +)).magnitude
      #expect(error <= bound(terms: pairs.count, magnitudes: magnitudes))
    }
    for row in 0..<min(shape.rows, 9) {
      for column in 0..<shape.outputs {
        check(y[row][column], (0..<shape.inputs).map { (x[row][$0], w[column][$0]) }, plus: bias[column])
      }
    }
    for column in 0..<shape.inputs {
      check(dX[0][column], (0..<shape.outputs).map { (dY[0][$0], w[$0][column]) }, plus: before[column])
      check(dW[0][column], (0..<shape.rows).map { (dY[$0][0], x[$0][column]) }, plus: beforeWeight[column])
    }
  }

  @Test(.enabled(if: NativeProducts.areAvailable)) func whatIsNotFiniteGoesThrough() {
    let team = Team(threadCount: 1)
    var owner: [Buffer<Float>] = []
    let w = matrix(rows: 2, width: 2, seed: 1, owner: &owner)
    for (value, isExpected) in [(Float.nan, { $0.isNaN }), (.infinity, { $0.magnitude == .infinity })]
      as [(Float, (Float) -> Bool)]
    {
      let x = matrix(rows: 1, width: 2, seed: 2, owner: &owner)
      x[0].assign([value, 0])
      w[0].assign([1, 1])
      let y = matrix(rows: 1, width: 2, seed: 3, owner: &owner)
      let (xOwner, halfX) = halves(of: x, team: team)
      let (wOwner, halfW) = halves(of: w, team: team)
      linearForward(input: halfX, weight: halfW, bias: nil, into: y, team: team)
      withExtendedLifetime((xOwner, wOwner)) {}
      #expect(isExpected(y[0][0]))
    }
    // Products that leave float32's range, too.
    let x = matrix(rows: 1, width: 2, seed: 2, owner: &owner)
    x[0].assign([0x1p127, 0])
    w[0].assign([0x1p127, 1])
    let y = matrix(rows: 1, width: 2, seed: 3, owner: &owner)
    let (xOwner, halfX) = halves(of: x, team: team)
    let (wOwner, halfW) = halves(of: w, team: team)
    linearForward(input: halfX, weight: halfW, bias: nil, into: y, team: team)
    withExtendedLifetime((xOwner, wOwner)) {}
    #expect(y[0][0] == .infinity)
  }

  /// The same numbers with one half of the bits: every pattern of the upper half, and lower halves that round up, down and to even.
  @Test func narrowingIsRounding() {
    let team = Team(threadCount: 2)
    for low: UInt32 in [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF] {
      let patterns = (UInt32(0)...0xFFFF).map { $0 << 16 | low }
      let values = Buffer<Float>(count: patterns.count)
      values.row.assign(patterns.map(Float.init(bitPattern:)))
      let (rounded, halves) = (Buffer<Float>(count: patterns.count), Buffer<BFloat16>(count: patterns.count))
      roundElements(values.row, into: rounded.row, to: .bf16, team: team)
      narrowElements(values.row, into: halves.row, team: team)
      let wrong = patterns.indices.filter { index in
        let (found, wanted) = (Float(halves.row[index]), rounded.row[index])
        return found.bitPattern != wanted.bitPattern && !(found.isNaN && wanted.isNaN)
      }
      #expect(wrong.isEmpty)
    }
  }

  @Test(arguments: [1, 15, 16, 31, 100]) func narrowingInPlaceIsNarrowing(width: Int) {
    let team = Team(threadCount: 2)
    var owner: [Buffer<Float>] = []
    let values = matrix(rows: 7, width: width, seed: 1, owner: &owner)
    let (memory, apart) = halves(of: values, team: team)
    let expected = (0..<7).map { apart[$0].array() }
    // Rounding and narrowing in one pass leave both.
    let both = Buffer<BFloat16>(count: 7 * width)
    roundElements(values, narrowingInto: both.matrix(rows: 7, width: width), team: team)
    #expect((0..<7).map { both.matrix(rows: 7, width: width)[$0].array() } == expected)
    #expect((0..<7).map { values[$0].array() } == expected.map { $0.map { Float($0) } })
    let found = values.narrowedInPlace(team: team)
    #expect((0..<7).map { found[$0].array() } == expected)
    withExtendedLifetime(memory) {}
  }

  @Test func roundedRowsAreThoseThatAreNamed() {
    let team = Team(threadCount: 2)
    let (from, to) = (Buffer<Float>(count: 5 * 37), Buffer<Float>(count: 5 * 37))
    from.row.assign((0..<5 * 37).map { Float($0) / 7 })
    let rows = Buffer<Int32>(count: 3)
    rows.row.assign([4, 1, 4])
    roundRows(
      rows.row, of: from.matrix(rows: 5, width: 37), into: to.matrix(rows: 5, width: 37), to: .bf16,
      team: team)
    for row in 0..<5 {
      let expected = from.matrix(rows: 5, width: 37)[row].array().map { value in
        row == 1 || row == 4 ? Float.rounded(SIMD16(repeating: value), to: .bf16)[0] : 0
      }
      #expect(to.matrix(rows: 5, width: 37)[row].array() == expected)
    }
  }
}
