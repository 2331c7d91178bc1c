/// What is known about a run before its first step. It is written once, when the run file is made, and never changes.
public struct RunManifest: Equatable, Sendable {
  /// Hash of configuration, seed and corpus, so that equal runs have equal ids: 16 hexadecimal digits.
  public var runID: String
  /// `post-ln`, `pre-ln`, `normformer`, or one of these with what was changed, e.g. `normformer-no-c_attn`.
  public var architecture: String
  /// Every setting of the run, as one JSON object with sorted keys.
  public var configurationJSON: String
  /// What the gradients are gradients of.
  public var contract: NumberContract
  /// The seed of initial values, batches and dropout.
  public var seed: UInt64
  /// The text that the run learns from.
  public var corpus: CorpusFacts
  /// Who recorded it and on what.
  public var machine: MachineFacts
  /// The columns of the gradient datasets.
  public var gradients: GradientLayout
  /// The scales of which snapshots are kept.
  public var scales: [ScaleLayout]
  /// Operations within a layer whose outputs are measured (`--activations`), in forward order; empty when they are not.
  public var operationNames: [String]
  /// Operations after the layers whose outputs are measured too, in forward order; empty where none are.
  public var stemOperationNames: [String]
  /// Whether the loss is scaled while gradients are computed, and the factor recorded.
  public var hasLossScale: Bool
  /// Whether the sums of weights are recorded.
  public var hasWeights: Bool
  /// Whether the sums of updates are recorded.
  public var hasUpdates: Bool
  /// Whether sums by parts of the batch are recorded, from which noise and signal are told.
  public var hasNoise: Bool
  /// Whether elements and Σx⁴ of operations' outputs, and what each head's attention does, are recorded beside their sums.
  public var hasOutputMoments: Bool
  /// Whether the norms' gradients are recorded by sequence at every step, from which noise is estimated.
  public var hasExampleNorms: Bool
  /// What validations tell beside the loss, in the order of ``TaskMetric``'s cases; empty of language models.
  public var metrics: [TaskMetric]
  /// The texts and tasks that the run is evaluated on while it trains; empty where it is on none.
  public var evaluations: [EvaluationLayout]
  /// Sizes of the scale axes.
  public var modelDim: Int
  /// Width of the FFN's hidden layer.
  public var ffnDim: Int
  /// Attention heads of each layer.
  public var headCount: Int
  /// Width of a head; the model's width divided among the heads unless stated.
  public var headDim: Int
  /// When the run file was made, ISO 8601 in UTC.
  public var startedAt: String
  /// What was done to the finished run's file; nil for one that is as it was recorded.
  public var packing: Packing?

  /// Creates a manifest.
  public init(
    runID: String, architecture: String, configurationJSON: String, contract: NumberContract, seed: UInt64,
    corpus: CorpusFacts, machine: MachineFacts, gradients: GradientLayout, scales: [ScaleLayout],
    operationNames: [String], stemOperationNames: [String] = [], hasLossScale: Bool = false,
    hasWeights: Bool = false, hasUpdates: Bool = false, hasNoise: Bool = false,
    hasOutputMoments: Bool = false, hasExampleNorms: Bool = false, metrics: [TaskMetric] = [], modelDim: Int,
    ffnDim: Int, headCount: Int,
    headDim: Int? = nil,
    evaluations: [EvaluationLayout] = [], startedAt: String, packing: Packing? = nil
  ) {
    self.runID = runID
    self.architecture = architecture
    self.configurationJSON = configurationJSON
    self.contract = contract
    self.seed = seed
    self.corpus = corpus
    self.machine = machine
    self.gradients = gradients
    self.scales = scales
    self.operationNames = operationNames
    self.stemOperationNames = stemOperationNames
    self.hasLossScale = hasLossScale
    self.hasWeights = hasWeights
    self.hasUpdates = hasUpdates
    self.hasNoise = hasNoise
    self.hasOutputMoments = hasOutputMoments
    self.hasExampleNorms = hasExampleNorms
    self.metrics = metrics
    self.evaluations = evaluations
    self.modelDim = modelDim
    self.ffnDim = ffnDim
    self.headCount = headCount
    self.headDim = headDim ?? (headCount > 0 ? modelDim / headCount : 0)
    self.startedAt = startedAt
    self.packing = packing
  }

  /// The operations whose outputs are measured, in the order of the forward pass.
  public var operationPlaces: [OperationPlace] {
    OperationPlace.forwardOrder(
      layerCount: gradients.layerCount, operationNames: operationNames,
      stemOperationNames: stemOperationNames)
  }
}

/// The text that a run learns from, and the floors that its loss is read against.
public struct CorpusFacts: Equatable, Sendable {
  /// A short name: the file's name, or `built-in language`.
  public var name: String
  /// SHA-256 of the bytes, or of the generator's definition for the built-in language; lower-case hexadecimal.
  public var sha256: String
  /// Number of tokens; nil where the corpus has no end.
  public var tokenCount: Int?
  /// Token ids are below this.
  public var vocabularySize: Int
  /// Entropy of the token frequencies in nats: what a model reaches that has learned nothing but frequencies.
  public var unigramEntropy: Double
  /// Nats a token that no model can go below, where it is known (the built-in language).
  public var entropyRate: Double?

  /// Creates the description of a corpus.
  public init(
    name: String, sha256: String, tokenCount: Int?, vocabularySize: Int, unigramEntropy: Double,
    entropyRate: Double?
  ) {
    self.name = name
    self.sha256 = sha256
    self.tokenCount = tokenCount
    self.vocabularySize = vocabularySize
    self.unigramEntropy = unigramEntropy
    self.entropyRate = entropyRate
  }
}

/// The program and the machine that recorded a run.
public struct MachineFacts: Equatable, Sendable {
  /// The recording program and its version, e.g. `nf-probe 0.1.0 (1a2b3c4)`.
  public var program: String
  /// The processor's own name.
  public var cpu: String
  /// The matrix-product library and the kernels that it chose, e.g. `OpenBLAS 0.3.21 SkylakeX`.
  public var blas: String
  /// Threads that computed.
  public var threads: Int

  /// Creates the description of a machine.
  public init(program: String, cpu: String, blas: String, threads: Int) {
    self.program = program
    self.cpu = cpu
    self.blas = blas
    self.threads = threads
  }
}
