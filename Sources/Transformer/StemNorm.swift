import Architecture
import Kernels

/// A norm outside the layers: on the embeddings, or after the stack.
struct StemNorm<Scalar: KernelScalar> {
  private let description: NormDescription
  private let slope, gain: Int
  private let bias: Int?
  /// Where in the stem's statistics its own begin, in numbers a row.
  private let statistics: Int

  /// - Returns: nil where the model has no such norm.
  init?(_ description: NormDescription?, name: String, table: ParameterTable, statistics: Int) {
    guard let description, let gain = table.index(stem: "\(name).weight") else { return nil }
    self.description = description
    self.gain = gain
    slope = table.index(stem: "\(name).alpha") ?? gain
    bias = table.index(stem: "\(name).bias")
    self.statistics = statistics
  }

  private var kind: NormKind { description.kind == .rms ? .rms : .layer }
  private var gainOffset: Scalar { description.isGainStoredMinusOne ? 1 : 0 }

  private func rows(_ statistics: Row<Scalar>, _ count: Int) -> (mean: Row<Scalar>, rstd: Row<Scalar>) {
    let start = self.statistics * count
    return (statistics.slice(start..<start + count), statistics.slice(start + count..<start + 2 * count))
  }

  func forward(
    _ input: Matrix<Scalar>, into output: Matrix<Scalar>, parameter: (Int) -> Row<Scalar>,
    statistics: Row<Scalar>, team: Team
  ) {
    if description.kind == .dyt, let bias {
      return dynamicTanhForward(
        input: input, slope: parameter(slope), gain: parameter(gain), bias: parameter(bias), into: output,
        team: team)
    }
    let (mean, rstd) = rows(statistics, input.rows)
    normForward(
      kind, epsilon: Scalar(description.epsilon), input: input, gain: parameter(gain), gainOffset: gainOffset,
      bias: bias.map(parameter), into: output, mean: mean, rstd: rstd, team: team)
  }

  func backward(
    _ outputGradient: Matrix<Scalar>, input: Matrix<Scalar>, into inputGradient: Matrix<Scalar>,
    parameter: (Int) -> Row<Scalar>, gradient: (Int) -> Row<Scalar>, accumulating: Bool,
    statistics: Row<Scalar>, _ pass: Pass<Scalar>
  ) {
    if description.kind == .dyt, let bias {
      return dynamicTanhBackward(
        outputGradient: outputGradient, input: input, slope: parameter(slope), gain: parameter(gain),
        slopeGradient: gradient(slope), gainGradient: gradient(gain), biasGradient: gradient(bias),
        accumulating: accumulating, inputGradient: inputGradient, accumulatingInput: false, team: pass.team,
        workspace: pass.workspace)
    }
    let (mean, rstd) = rows(statistics, input.rows)
    pass.examples?.add(
      [NormRows(outputGradient: outputGradient, input: input, mean: mean, rstd: rstd)], hasBias: bias != nil,
      layer: nil, pass)
    normBackward(
      kind, outputGradient: outputGradient, input: input, gain: parameter(gain), gainOffset: gainOffset,
      mean: mean, rstd: rstd, gainGradient: gradient(gain), biasGradient: bias.map(gradient),
      accumulating: accumulating, inputGradient: inputGradient, accumulatingInput: false, team: pass.team,
      workspace: pass.workspace)
  }
}
