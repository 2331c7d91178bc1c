import RealModule
import RunData
import Statistics

/// How operations' outputs grow with the model's width over the first steps of training: the coordinate check of Yang et al. (2022, arXiv
/// 2203.03466, appendix D.1), whose mean |x| a parametrisation that transfers keeps level at every step.
public struct CoordinateCheck: Sendable {
  /// One operation, its mean |x| averaged over the layers.
  struct Row: Sendable {
    var operation: String
    /// By step and width, geometric means over seeds.
    var means: [[Estimate]]
    /// By step: the least-squares slope of ln mean |x| against ln width, over seeds.
    var slopes: [Estimate]
  }

  /// The widths, ascending.
  let widths: [Int]
  /// The steps that are shown.
  let steps: [Int]
  let rows: [Row]
  let runs: [RecordedRun]
  let seedCount: Int

  /// Slopes within this of 0 are called level: a doubled width changes the mean by less than 15 %.
  static let level = 0.2

  /// Puts runs of several widths together, each read with its outputs step by step; nil where there are fewer than two widths, or no step that all
  /// have recorded.
  ///
  /// A seed that lacks a width is left out.
  /// - Parameter operations: those that are shown, in this order; empty for all.
  public init?(runs: [RecordedRun], operations: [String] = []) {
    let recorded = runs.filter { !$0.outputSteps.isEmpty }
    let widths = Set(recorded.map(\.manifest.modelDim)).sorted()
    let seeds = Set(recorded.map(\.manifest.seed)).sorted().compactMap { seed -> [RecordedRun]? in
      let own = widths.compactMap { width in
        recorded.first { $0.manifest.seed == seed && $0.manifest.modelDim == width }
      }
      return own.count == widths.count ? own : nil
    }
    guard let first = seeds.first?.first, widths.count > 1 else { return nil }
    let steps = first.outputSteps.map(\.steps.lowerBound).filter { step in
      seeds.joined().allSatisfy { $0.outputSteps.contains { $0.steps.lowerBound == step } }
    }
    guard !steps.isEmpty else { return nil }
    self.runs = seeds.flatMap(\.self)
    seedCount = seeds.count
    let available = first.manifest.operationNames + first.manifest.stemOperationNames
    let names = operations.isEmpty ? available : operations.filter(available.contains)
    self.widths = widths
    self.steps = steps
    rows = names.compactMap { name in
      let means = steps.map { step in
        seeds.map { $0.map { Self.mean(of: name, at: step, in: $0) } }
      }
      guard means.joined().joined().allSatisfy({ $0.isFinite && $0 > 0 }) else { return nil }
      return Row(
        operation: name,
        means: means.map { seeds in
          widths.indices.map { width in .geometricMean(of: seeds.map { $0[width] }) }
        },
        slopes: means.map { seeds in Estimate.mean(of: seeds.map { Self.slope($0, over: widths) }) })
    }
  }

  /// The mean over the layers of an operation's mean |x|.
  private static func mean(of operation: String, at step: Int, in run: RecordedRun) -> Double {
    let outputs =
      run.outputSteps.first { $0.steps.lowerBound == step }?.outputs.filter {
        $0.place.name == operation && $0.count > 0
      } ?? []
    return outputs.reduce(0) { $0 + $1.l1 / $1.count } / Double(outputs.count)
  }

  private static func slope(_ means: [Double], over widths: [Int]) -> Double {
    let (x, y) = (widths.map { Double.log(Double($0)) }, means.map { Double.log($0) })
    let (xMean, yMean) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
    let products = zip(x, y).reduce(0) { $0 + ($1.0 - xMean) * ($1.1 - yMean) }
    return products / x.reduce(0) { $0 + ($1 - xMean) * ($1 - xMean) }
  }
}
