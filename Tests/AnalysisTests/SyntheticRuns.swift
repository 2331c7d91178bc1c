import RunData
import Randomness

/// Runs made in code, shaped as in the paper's Figure 3: Post-LN's early layers fade, Pre-LN's are the largest,
/// NormFormer lies between.
enum SyntheticRuns {
  static let operation = "fc2.weight"
  static let corpus = CorpusFacts(
    name: "built-in language", sha256: String(repeating: "ab", count: 32), tokenCount: nil,
    vocabularySize: 512, unigramEntropy: 5.1, entropyRate: 2.2)

  /// A run with the given gradients of one operation, `(layer)(step)`.
  static func run(
    values: [[Double]], architecture: String = "pre-ln", seed: UInt64 = 1, steps: [Int]? = nil,
    segments: [Int]? = nil, loss: [Double]? = nil, operation: String = operation,
    configuration: String = #"{"learning_rate": 0.001, "layers": 12}"#, elementCounts: [Int]? = nil,
    isZeroByConstruction: [Bool]? = nil, contract: NumberContract = .ours(objective: "causal"),
    corpus: CorpusFacts = corpus
  ) -> RecordedRun {
    let layerCount = values.count
    let steps = steps ?? Array(0..<values[0].count)
    let counts = elementCounts ?? Array(repeating: 4096, count: layerCount)
    let zero = isZeroByConstruction ?? Array(repeating: false, count: layerCount)
    let layout = GradientLayout(
      layerNames: (0..<layerCount).map { "decoder.layers.\($0)" }, tensorNames: [operation],
      stemTensorNames: [], elementCounts: counts, stemElementCounts: [], isZeroByConstruction: zero)
    let manifest = RunManifest(
      runID: "\(architecture)-\(seed)-\(configuration.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) & 0xFFFF })",
      architecture: architecture, configurationJSON: configuration, contract: contract, seed: seed,
      corpus: corpus,
      machine: MachineFacts(program: "nf-probe 0.1.0 (test)", cpu: "test", blas: "none", threads: 1),
      gradients: layout, scales: [], operationNames: [], modelDim: 64, ffnDim: 256, headCount: 4,
      startedAt: "2026-01-01T00:00:00Z")
    let series = TensorSeries(
      elementCounts: counts, isZeroByConstruction: zero, l1: values,
      sumSquares: values.map { $0.map { $0 * $0 / 4096 } })
    return RecordedRun(
      manifest: manifest, status: .finished, steps: steps,
      segments: segments ?? Array(repeating: 0, count: steps.count),
      loss: loss ?? steps.indices.map { 2.5 + 3.5 / (1 + Double($0) / 40) },
      learningRate: Array(repeating: 1e-3, count: steps.count),
      tokens: Array(repeating: 1024, count: steps.count),
      seconds: Array(repeating: 0.1, count: steps.count), validation: [], gradients: [operation: series])
  }

  /// One of the three architectures, 12 layers deep.
  static func figure3(_ architecture: String, seed: UInt64, stepCount: Int = 600) -> RecordedRun {
    let generator = Philox(seed: seed, stream: architecture)
    let layers = (0..<12).map { layer -> [Double] in
      var noise = 0.0
      return (0..<stepCount).map { step in
        let position = UInt64(layer * stepCount + step)
        noise = 0.7 * noise + 0.08 * generator.normal(at: position)
        let common = 0.1 * generator.normal(at: UInt64(1 << 40) + UInt64(step))
        return level(architecture, depth: Double(layer) / 11, time: Double(step) / Double(stepCount))
          * pow2(noise + common)
      }
    }
    return run(values: layers, architecture: architecture, seed: seed)
  }

  /// All three architectures with the given seeds.
  static func figure3(seeds: [UInt64] = [1], stepCount: Int = 600) -> [RecordedRun] {
    ["post-ln", "pre-ln", "normformer"].flatMap { architecture in
      seeds.map { figure3(architecture, seed: $0, stepCount: stepCount) }
    }
  }

  /// The typical gradient at a relative depth and time.
  private static func level(_ architecture: String, depth: Double, time: Double) -> Double {
    let start = 900 * pow2(-12 * time)
    switch architecture {
    case "post-ln": return start + 160 * pow2(-(1 - depth) * (1.2 + 2.6 * time))
    case "pre-ln": return start + 280 * pow2(-2.1 * depth - 0.3 * time)
    default: return start + 250 * pow2(-0.6 * time - 1.4 * depth * (1 - 0.55 * depth))
    }
  }
}
