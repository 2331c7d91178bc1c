import Architecture
import GoldenSupport
import Kernels
import RunData
import Testing
import Transformer

/// Both engines against PyTorch autograd in float64.
@Suite struct GoldenTests {

  private func run<Scalar: KernelScalar>(
    _ golden: GoldenCase, as: Scalar.Type
  ) throws -> (model: Model<Scalar>, loss: Double, numbers: [Double]) {
    let numbers = try GoldenCase.numbers(golden.name)
    let model = try Model<Scalar>(
      golden.configuration.model, shape: golden.configuration.shape, team: Team(threadCount: 2))
    try model.load(golden.tensors, from: numbers)
    let targets = golden.targets.flatMap(\.self)
    let counted = targets.count { $0 >= 0 }
    let sum = model.computeGradients(
      tokens: golden.tokens.flatMap(\.self), targets: targets, gradientScale: 1 / Double(counted))
    return (model, sum / Double(counted), numbers)
  }

  @Test(arguments: try GoldenCase.names("cases"))
  func doubleGradientsAreAutograds(name: String) throws {
    let golden = try GoldenCase.load(name, as: GoldenCase.self)
    let (model, loss, numbers) = try run(golden, as: Double.self)
    // Both sides are float64; sums of some hundred terms in another order.
    #expect(abs(loss - golden.loss) <= 1e-13 * golden.loss)
    #expect(model.table.parameters.count == golden.tensors.count)
    #expect(model.table.elementCount == golden.parameterCount)
    for (index, parameter) in model.table.parameters.enumerated() {
      let tensor = try #require(golden.tensors.first { $0.name == parameter.fullName })
      #expect(tensor.shape == parameter.spec.shape, "\(tensor.name)")
      let start = golden.parameterCount + tensor.offset
      let expected = numbers[start..<start + tensor.count]
      let worst = zip(model.gradient(index).array(), expected).map { abs($0 - $1) }.max() ?? 0
      // 1e-11 of the tensor's largest element, and rounding of terms of order 1 that cancel.
      #expect(worst <= 1e-11 * tensor.maxAbs + 1e-15, "\(tensor.name): off by \(worst)")
    }
  }

  @Test(arguments: try GoldenCase.names("cases"))
  func floatSumsAreWithinOnePartInTenThousand(name: String) throws {
    let golden = try GoldenCase.load(name, as: GoldenCase.self)
    let (model, loss, _) = try run(golden, as: Float.self)
    #expect(abs(loss - golden.loss) <= 1e-5 * golden.loss)
    for (index, parameter) in model.table.parameters.enumerated() {
      let tensor = try #require(golden.tensors.first { $0.name == parameter.fullName })
      let sums = model.gradientSums(index)
      // Float32 rounding: each element is a sum of up to some hundred terms of order at most 1, of which each carries 2⁻²⁴;
      // where the true gradient is zero by construction, only this is left.
      let floor = 2e-7
      let count = Double(tensor.count)
      #expect(sums.count == tensor.count)
      #expect(abs(sums.l1 - tensor.l1) <= 1e-4 * tensor.l1 + floor * count, "\(tensor.name)")
      #expect(
        abs(sums.l2 - tensor.sumSquares.squareRoot())
          <= 0.5e-4 * tensor.sumSquares.squareRoot() + floor * count.squareRoot(), "\(tensor.name)")
      #expect(abs(sums.maxAbs - tensor.maxAbs) <= 1e-4 * tensor.maxAbs + floor, "\(tensor.name)")
      #expect(
        parameter.spec.hasZeroGradient(sequenceLength: golden.configuration.sequence)
          == tensor.zeroByConstruction, "\(tensor.name)")
    }
  }
}
