import Analysis
import Architecture
import Corpus
import Kernels
import RunData
import Text
import Training
import Transformer

/// Measures gradients and hidden states before the first update.
package struct StartExperiment {
  private let configuration: StartConfiguration
  private let threadCount: Int
  private let host: any RunHost

  package init(_ configuration: StartConfiguration, threadCount: Int, host: any RunHost) {
    self.configuration = configuration
    self.threadCount = threadCount
    self.host = host
  }

  private static let tensor = OperationChoice.usual
  private static let otherTensor = "fc1.weight"

  /// Builds every model and measures it; nil where somebody stopped it.
  package func measure() throws -> StartReport? {
    let request = RunRequest(configuration.run, threadCount: threadCount)
    let corpus = try request.openCorpus()
    let team = Team(threadCount: threadCount)
    var entries: [StartReport.Entry] = []
    host.attend()
    for architecture in configuration.architectures {
      for depth in configuration.depths.sorted() {
        host.note("\(architecture.name), \(depth) layers, \(counted(configuration.seeds, "seed"))")
        var states: [StartState] = []
        for index in 0..<configuration.seeds {
          guard !host.shouldStop else { return nil }
          states.append(
            try measure(
              architecture, depth, seed: configuration.seed &+ UInt64(index), request, corpus, team))
        }
        entries.append(StartReport.Entry(label: try label(of: architecture), depth: depth, states: states))
      }
    }
    let shape = try configuration.model.configuration(
      of: .preLN, corpusVocabulary: corpus.facts.vocabularySize, sequenceLength: configuration.sequence)
    return StartReport(
      entries: entries, tensor: Self.tensor, otherTensor: Self.otherTensor, modelDim: shape.modelDim,
      batchCount: configuration.batches, seedCount: configuration.seeds,
      setting: "initial values \(shape.initialization.rawValue), \(counted(shape.headCount, "head")), width "
        + "\(shape.modelDim), FFN \(shape.ffnDim), \((shape.paperWiring?.activation ?? .gelu).rawValue.uppercased()), \(corpus.facts.name)"
    )
  }

  /// What theory speaks of has the architecture's plain name; with other additions it is named after them.
  private func label(of architecture: ArchitectureChoice) throws -> String {
    architectureTitle(
      architecture.label(
        of: try configuration.model.configuration(
          of: architecture, corpusVocabulary: 2, sequenceLength: configuration.sequence))
    )
  }

  private func measure(
    _ architecture: ArchitectureChoice, _ depth: Int, seed: UInt64, _ request: RunRequest,
    _ corpus: CorpusSplit,
    _ team: Team
  ) throws -> StartState {
    var shape = try configuration.model.configuration(
      of: architecture, corpusVocabulary: corpus.facts.vocabularySize, sequenceLength: configuration.sequence)
    shape.layerCount = depth
    do { try shape.validate() } catch { throw ExperimentError.refused("\(setting: "\(error)")") }
    try request.checkMemory(shape)
    let model = try Model<Float>(
      shape, shape: PassShape(batchSize: configuration.batch, sequenceLength: configuration.sequence),
      team: team)
    model.initialize(seed: seed)
    let sampler = try BatchSampler(
      source: corpus.training,
      shape: BatchShape(batchSize: configuration.batch, sequenceLength: configuration.sequence),
      objective: shape.objective, seed: seed)
    let state = try model.measureStart(
      sampler: sampler, batches: configuration.batches, tensors: [Self.tensor, Self.otherTensor])
    guard state.loss.isFinite else {
      throw ExperimentError.failed(
        "\(architecture.name) with \(depth) layers, seed \(seed): the loss at initialisation is not finite"
      )
    }
    return state
  }
}
