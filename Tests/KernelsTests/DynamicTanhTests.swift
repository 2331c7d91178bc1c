import Kernels
import Testing

/// DyT against its definition and central differences.
@Suite struct DynamicTanhTests {
  @Test(arguments: [1, 5, 21])
  func gradientsAreCentralDifferences(width: Int) {
    let team = Team(threadCount: 2)
    let rows = 4
    let workspace = Workspace<Double>(team: team, capacity: 2 * width + 1)
    let (x, gain, bias, slope) = (
      buffer(wave(rows * width, 7, scale: 2)), buffer(wave(width, 11)), buffer(wave(width, 13)), buffer([0.5])
    )
    let (y, dY) = (Buffer<Double>(count: x.count), buffer(wave(x.count, 17)))
    let (dX, dGain, dBias, dSlope) = (
      Buffer<Double>(count: x.count), Buffer<Double>(count: width), Buffer<Double>(count: width),
      Buffer<Double>(count: 1)
    )
    func forward() -> Double {
      dynamicTanhForward(
        input: x.row.matrix(width: width), slope: slope.row, gain: gain.row, bias: bias.row,
        into: y.row.matrix(width: width), team: team)
      return dot(y.row, dY.row)
    }
    dynamicTanhBackward(
      outputGradient: dY.row.matrix(width: width), input: x.row.matrix(width: width), slope: slope.row,
      gain: gain.row, slopeGradient: dSlope.row, gainGradient: dGain.row, biasGradient: dBias.row,
      accumulating: false, inputGradient: dX.row.matrix(width: width), accumulatingInput: false, team: team,
      workspace: workspace)
    for (gradient, values, name) in [
      (dX, x, "input"), (dGain, gain, "gain"), (dBias, bias, "bias"), (dSlope, slope, "slope"),
    ] {
      expectGradient(gradient.row.array(), of: values, name) { forward() }
    }
    let expected = Double.tanh(SIMD8(repeating: 0.5 * x.row[width]))[0] * gain.row[0] + bias.row[0]
    _ = forward()
    #expect(abs(y.row[width] - expected) <= 1e-15)
  }
}
