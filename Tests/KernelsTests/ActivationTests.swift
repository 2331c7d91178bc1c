import Architecture
import Foundation
import Kernels
import Testing

/// Nonlinearities against their definitions and central differences.
@Suite struct ActivationTests {
  private let team = Team(threadCount: 2)

  private func definition(_ function: ActivationFunction, _ x: Double) -> Double {
    switch function {
    case .gelu: x * 0.5 * erfc(-x / 2.0.squareRoot())
    case .tanhGelu: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .relu: max(x, 0)
    case .silu: x / (1 + exp(-x))
    }
  }

  @Test(arguments: ActivationFunction.allCases)
  func valuesAreTheDefinitions(function: ActivationFunction) {
    let inputs = stride(from: -12.0, through: 12, by: 0.0117).map { $0 }
    let (x, y) = (buffer(inputs), Buffer<Double>(count: inputs.count))
    let (narrow, narrowY) = (Buffer<Float>(count: inputs.count), Buffer<Float>(count: inputs.count))
    narrow.row.assign(inputs.map(Float.init))
    let width = inputs.count
    activationForward(
      function, input: x.row.matrix(width: width), into: y.row.matrix(width: width), team: team)
    activationForward(
      function, input: narrow.row.matrix(width: width), into: narrowY.row.matrix(width: width), team: team)
    for index in inputs.indices {
      let expected = definition(function, inputs[index])
      // Rounding of a handful of operations; where 1 + tanh cancels, the definition itself has an absolute error.
      #expect(abs(y.row[index] - expected) <= 1e-14 * max(1, abs(inputs[index])))
      // Of the number that float32 has: the slope is at most 1.13, and below -5 only an absolute error is left.
      let rounded = definition(function, Double(narrow.row[index]))
      #expect(abs(Double(narrowY.row[index]) - rounded) <= 4e-7 * max(abs(rounded), 0.1))
    }
  }

  @Test(arguments: ActivationFunction.allCases, [1, 7, 19])
  func gradientsAreCentralDifferences(function: ActivationFunction, width: Int) {
    // No input is 0, where ReLU has no derivative.
    let x = buffer(wave(3 * width, 7, scale: 3).map { $0 + 0.004 })
    let (y, dY, dX) = (
      Buffer<Double>(count: x.count), buffer(wave(x.count, 13)), Buffer<Double>(count: x.count)
    )
    func matrix(_ buffer: Buffer<Double>) -> Matrix<Double> { buffer.row.matrix(width: width) }
    activationBackward(
      function, outputGradient: matrix(dY), input: matrix(x), into: matrix(dX), team: team)
    expectGradient(dX.row.array(), of: x, "\(function)") {
      activationForward(function, input: matrix(x), into: matrix(y), team: team)
      return dot(y.row, dY.row)
    }
  }

  @Test(arguments: ActivationFunction.allCases, [1, 7, 19])
  func gatedGradientsAreCentralDifferences(function: ActivationFunction, width: Int) {
    let x = buffer(wave(6 * width, 7, scale: 3).map { $0 + 0.004 })
    let (y, dY, dX) = (
      Buffer<Double>(count: 3 * width), buffer(wave(3 * width, 13)), Buffer<Double>(count: x.count)
    )
    let (input, output) = (x.row.matrix(width: 2 * width), y.row.matrix(width: width))
    gatedBackward(
      function, outputGradient: dY.row.matrix(width: width), input: input,
      into: dX.row.matrix(width: 2 * width), team: team)
    expectGradient(dX.row.array(), of: x, "gated \(function)") {
      gatedForward(function, input: input, into: output, team: team)
      return dot(y.row, dY.row)
    }
    #expect(abs(output[1][0] - definition(function, input[1][0]) * input[1][width]) <= 1e-14)
  }

  @Test func tanhKeepsItsDigits() {
    for magnitude in stride(from: -9.0, through: 4, by: 0.003) {
      for sign in [-1.0, 1] {
        let x = Float(sign * pow(2, magnitude))
        let found = Double(Float.tanh(SIMD16(repeating: x))[3])
        let expected = tanh(Double(x))
        #expect(abs(found - expected) <= 4 * Double(Float.ulpOfOne) / 2 * abs(expected), "tanh \(x)")
      }
    }
    #expect(Float.tanh(SIMD16(repeating: .infinity))[0] == 1)
    #expect(Float.tanh(SIMD16(repeating: -.infinity))[0] == -1)
    #expect(Float.tanh(SIMD16(repeating: .nan))[0].isNaN)
    #expect(Float.tanh(SIMD16(repeating: 0))[0] == 0)
  }
}
