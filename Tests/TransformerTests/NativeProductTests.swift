import Architecture
import GoldenSupport
import Kernels
import RunData
import Testing
import Transformer

/// Models with native products against the same models with products of rounded numbers.
@Suite struct NativeProductTests {
  private struct Pass {
    let loss: Double
    let gradients: [[Double]]
  }

  private func pass<Scalar: KernelScalar>(
    _ golden: GoldenCase, _ precision: Precision, isNative: Bool, as _: Scalar.Type, threads: Int = 2,
    isProbed: Bool = false
  ) throws -> Pass {
    let numbers = try GoldenCase.numbers(golden.name)
    var configuration = golden.configuration.model
    configuration.precision = precision
    configuration.hasNativeProducts = isNative
    let model = try Model<Scalar>(
      configuration, shape: golden.configuration.shape, team: Team(threadCount: threads))
    try model.load(golden.tensors, from: numbers)
    let targets = golden.targets.flatMap(\.self)
    let loss = model.computeGradients(
      tokens: golden.tokens.flatMap(\.self), targets: targets,
      gradientScale: 1 / Double(targets.count { $0 >= 0 }), probe: isProbed ? model.makeProbe() : nil)
    let gradients = model.table.parameters.indices.map { model.gradient($0).array().map { Double($0) } }
    for (index, gradient) in gradients.enumerated() where Scalar.self == Float.self {
      let sums = model.gradientSums(index)
      let (l1, squares) = gradient.reduce((0, 0)) { ($0.0 + $1.magnitude, $0.1 + $1 * $1) }
      #expect(
        (sums.l1 - l1).magnitude <= 1e-6 * l1 && (sums.sumSquares - squares).magnitude <= 1e-6 * squares)
    }
    return Pass(loss: loss, gradients: gradients)
  }

  /// Halves of float64 are float64, rounded: whatever a product reads has been rounded before, so nothing at all may change.
  @Test(arguments: try GoldenCase.names("cases"))
  func productsReadWhatIsRoundedAlready(name: String) throws {
    let golden = try GoldenCase.load(name, as: GoldenCase.self)
    let native = try pass(golden, .bf16, isNative: true, as: Double.self)
    let rounded = try pass(golden, .bf16, isNative: false, as: Double.self)
    #expect(native.loss == rounded.loss && native.gradients == rounded.gradients)
  }

  /// Sums in another order move a few outputs to the next number of bfloat16 and leave the rest: in all less than what rounding does.
  @Test(.enabled(if: NativeProducts.areAvailable), arguments: try GoldenCase.names("cases"))
  func differsFromRoundedProductsByLessThanRounding(name: String) throws {
    let golden = try GoldenCase.load(name, as: GoldenCase.self)
    let native = try pass(golden, .bf16, isNative: true, as: Float.self)
    let rounded = try pass(golden, .bf16, isNative: false, as: Float.self)
    let exact = try pass(golden, .fp32, isNative: false, as: Float.self)
    func distance(_ one: Pass, _ other: Pass) -> Double {
      zip(one.gradients.joined(), other.gradients.joined()).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        .squareRoot()
    }
    let (order, rounding) = (distance(native, rounded), distance(rounded, exact))
    #expect(order <= 0.5 * rounding, "\(order) beside \(rounding)")
    #expect((native.loss - rounded.loss).magnitude <= 1e-3 * rounded.loss)
  }

  /// The same numbers whatever is measured on the way, and in every pass.
  @Test(.enabled(if: NativeProducts.areAvailable), arguments: [1, 2, 5])
  func measuringChangesNothing(threads: Int) throws {
    let golden = try GoldenCase.load(try GoldenCase.names("cases")[0], as: GoldenCase.self)
    let plain = try pass(golden, .bf16, isNative: true, as: Float.self, threads: threads)
    let probed = try pass(golden, .bf16, isNative: true, as: Float.self, threads: threads, isProbed: true)
    #expect(plain.loss == probed.loss && plain.gradients == probed.gradients)
  }
}
