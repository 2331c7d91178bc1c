import Kernels
import Testing

/// Products of float32 by whichever library computes them here, against float64.
@Suite struct FloatProductTests {
  /// Elements of many magnitudes, in rows that lie further apart than they are wide.
  private func matrix(rows: Int, width: Int, seed: Int, owner: inout [Buffer<Float>]) -> Matrix<Float> {
    let buffer = Buffer<Float>(count: rows * (width + 3))
    buffer.row.assign(
      (0..<rows * (width + 3)).map { index in
        let draw = (index &* 7919 &+ seed &* 104_729) % 2003
        return (Float(draw) / 1001 - 1) * (draw % 3 == 0 ? 0x1p-6 : 1)
      })
    owner.append(buffer)
    return buffer.matrix(rows: rows, width: width + 3).columns(0..<width)
  }

  /// n products added up in any order, each operation rounded once, are within (n + 2) 2⁻²⁴ / (1 - (n + 2) 2⁻²⁴) of their magnitudes' sum
  /// (Higham 2002, section 4.2), what is there already one more term.
  private func check(_ found: Float, _ pairs: [(Float, Float)], plus start: Float) {
    let products = pairs.map { Double($0) * Double($1) } + [Double(start)]
    let unit = Double(pairs.count + 2) * 0x1p-24
    let bound = unit / (1 - unit) * products.reduce(0) { $0 + $1.magnitude }
    #expect((Double(found) - products.reduce(0, +)).magnitude <= bound)
  }

  @Test(
    arguments: [(1, 1, 1), (3, 5, 2), (17, 33, 65), (64, 48, 130), (200, 31, 19), (40, 700, 96)], [1, 2, 5])
  func linearMapsAreWithinTheOrderOfSums(shape: (rows: Int, outputs: Int, inputs: Int), threads: Int) {
    let team = Team(threadCount: threads)
    var owner: [Buffer<Float>] = []
    let x = matrix(rows: shape.rows, width: shape.inputs, seed: 1, owner: &owner)
    let w = matrix(rows: shape.outputs, width: shape.inputs, seed: 2, owner: &owner)
    let dY = matrix(rows: shape.rows, width: shape.outputs, seed: 4, owner: &owner)
    let y = matrix(rows: shape.rows, width: shape.outputs, seed: 5, owner: &owner)
    let dX = matrix(rows: shape.rows, width: shape.inputs, seed: 6, owner: &owner)
    let dW = matrix(rows: shape.outputs, width: shape.inputs, seed: 7, owner: &owner)
    // What is there is not read where nothing is added to it.
    for row in 0..<y.rows { y[row].assign([Float](repeating: .nan, count: y.width)) }
    let (before, beforeWeight) = (dX[0].array(), dW[0].array())
    linearForward(input: x, weight: w, bias: nil, into: y, team: team)
    linearBackward(
      outputGradient: dY, input: x, weight: w, weightGradient: dW, accumulating: true, inputGradient: dX,
      accumulatingInput: true, team: team)
    for row in 0..<min(shape.rows, 9) {
      for column in 0..<shape.outputs {
        check(y[row][column], (0..<shape.inputs).map { (x[row][$0], w[column][$0]) }, plus: 0)
      }
    }
    for column in 0..<shape.inputs {
      check(dX[0][column], (0..<shape.outputs).map { (dY[0][$0], w[$0][column]) }, plus: before[column])
      check(dW[0][column], (0..<shape.rows).map { (dY[$0][0], x[$0][column]) }, plus: beforeWeight[column])
    }
    withExtendedLifetime(owner) {}
  }

  @Test func whatIsNotFiniteGoesThrough() {
    let team = Team(threadCount: 1)
    var owner: [Buffer<Float>] = []
    let w = matrix(rows: 2, width: 2, seed: 1, owner: &owner)
    w[0].assign([1, 1])
    let y = matrix(rows: 1, width: 2, seed: 3, owner: &owner)
    func output(of first: Float) -> Float {
      let x = matrix(rows: 1, width: 2, seed: 2, owner: &owner)
      x[0].assign([first, 0])
      linearForward(input: x, weight: w, bias: nil, into: y, team: team)
      return y[0][0]
    }
    #expect(output(of: .nan).isNaN)
    #expect(output(of: .infinity) == .infinity)
    // Numbers below the range of normal ones are numbers.
    #expect(output(of: 0x1p-140) == 0x1p-140)
    w[0].assign([0x1p127, 1])
    #expect(output(of: 0x1p127) == .infinity)
    withExtendedLifetime(owner) {}
  }

  /// The same shapes give the same bits wherever the numbers lie.
  @Test func equalNumbersHaveEqualProducts() {
    let team = Team(threadCount: 1)
    var bits: Set<[UInt32]> = []
    for offset in 0..<16 {
      var owner: [Buffer<Float>] = []
      let memory = (0..<3).map { _ in Buffer<Float>(count: 64 * 200 + 16) }
      let (x, w, y) = (
        memory[0].matrix(offset: offset, rows: 40, width: 192),
        memory[1].matrix(offset: (3 * offset) % 16, rows: 64, width: 192),
        memory[2].matrix(offset: (5 * offset) % 16, rows: 40, width: 64)
      )
      let (from, weight) = (
        matrix(rows: 40, width: 192, seed: 1, owner: &owner),
        matrix(rows: 64, width: 192, seed: 2, owner: &owner)
      )
      for row in 0..<40 { x[row].assign(from[row].array()) }
      for row in 0..<64 { w[row].assign(weight[row].array()) }
      linearForward(input: x, weight: w, bias: nil, into: y, team: team)
      bits.insert((0..<40).flatMap { y[$0].array().map(\.bitPattern) })
      withExtendedLifetime((owner, memory)) {}
    }
    #expect(bits.count == 1)
  }
}
