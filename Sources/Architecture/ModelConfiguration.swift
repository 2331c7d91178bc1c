/// Everything that determines a model: sizes, wiring, initial values.
public struct ModelConfiguration: Equatable, Sendable {
  /// Number of layers.
  public var layerCount: Int
  /// Width of the residual stream.
  public var modelDim: Int
  /// Heads of queries.
  public var headCount: Int
  /// Heads of keys and values; divides the heads of queries.
  public var keyValueHeadCount: Int
  /// Width of one head.
  public var headDim: Int
  /// Width of the FFN's hidden layer.
  public var ffnDim: Int
  /// Token ids are below this. A masked model has one more embedding, for the mask.
  public var vocabularySize: Int
  /// Rows of a table of learned positions, those before the first position left out; 0 where there is none.
  public var positionCount: Int
  /// The wiring.
  public var architecture: ArchitectureDescription
  /// The wiring in the paper's words, where it was chosen by them.
  public private(set) var paperWiring: PaperWiring?
  /// What is predicted.
  public var objective: Objective
  /// What judges whole sequences in the place of the head that predicts tokens; nil of a language model.
  public var sequenceHead: SequenceHead?
  /// How parameters start.
  public var initialization: Initialization
  /// Dropout of embeddings and branches, in [0, 1).
  public var dropout: Double
  /// Dropout of attention probabilities, in [0, 1).
  public var attentionDropout: Double
  /// What weights, the output of every operation and the gradients of both are rounded to; sums within an operation, norms'
  /// statistics, softmax and loss stay in the engine's own format, as they do in mixed-precision training.
  public var precision: Precision
  /// Whether the factors of matrix products are kept in 16 bits and multiplied by the processor's own instructions, which only the order of
  /// their sums tells from products of numbers rounded to 16 bits. Of bf16 alone; the machine must have them.
  public var hasNativeProducts = false

  /// Creates a configuration; ``validate()`` says whether it makes sense. Sizes that are not given are those that the
  /// architecture suggests, else a key/value head for each head, heads that make up the width, and an FFN four times as wide.
  public init(
    layerCount: Int, modelDim: Int, headCount: Int, keyValueHeadCount: Int? = nil, headDim: Int? = nil,
    ffnDim: Int? = nil, vocabularySize: Int, positionCount: Int = 0, architecture: ArchitectureDescription,
    objective: Objective = .causal, initialization: Initialization? = nil, dropout: Double = 0,
    attentionDropout: Double = 0, precision: Precision = .fp32
  ) {
    self.layerCount = layerCount
    self.modelDim = modelDim
    self.headCount = headCount
    let sizes = architecture.sizes
    let usualHeadDim = headCount > 0 ? modelDim / headCount : 0
    let variables = Expression.Variables(
      layerCount: layerCount, layer: 1, modelDim: modelDim, headCount: headCount, headDim: usualHeadDim)
    func size(_ expression: Expression?) -> Int? {
      expression.map { Int(max(0, min(1e9, $0.value(variables).rounded()))) }
    }
    self.keyValueHeadCount = keyValueHeadCount ?? size(sizes.keyValueHeadCount) ?? headCount
    self.headDim = headDim ?? size(sizes.headDim) ?? usualHeadDim
    self.ffnDim = ffnDim ?? size(sizes.ffnDim) ?? 4 * modelDim
    self.vocabularySize = vocabularySize
    self.positionCount = positionCount
    self.architecture = architecture
    self.objective = objective
    self.initialization = initialization ?? architecture.initial.scheme ?? .fairseq
    self.dropout = dropout
    self.attentionDropout = attentionDropout
    self.precision = precision
  }

  /// Creates a configuration in the paper's words.
  public init(
    layerCount: Int, modelDim: Int, headCount: Int, ffnDim: Int? = nil, vocabularySize: Int,
    placement: NormPlacement, additions: Additions = .none, activation: Activation = .gelu,
    norm: NormKind = .layer, objective: Objective = .causal, initialization: Initialization = .fairseq,
    dropout: Double = 0, attentionDropout: Double = 0, precision: Precision = .fp32
  ) {
    let wiring = PaperWiring(placement: placement, additions: additions, activation: activation, norm: norm)
    self.init(
      layerCount: layerCount, modelDim: modelDim, headCount: headCount, ffnDim: ffnDim,
      vocabularySize: vocabularySize, architecture: wiring.description, objective: objective,
      initialization: initialization, dropout: dropout, attentionDropout: attentionDropout,
      precision: precision)
    paperWiring = wiring
  }

  /// Rows of the embedding table: the vocabulary, and for a masked model the mask token after it.
  public var embeddingCount: Int { vocabularySize + (objective == .masked ? 1 : 0) }

  /// Whether logits are products with the embedding.
  public var hasTiedLogits: Bool { architecture.head.isTied && sequenceHead == nil }

  /// Rows of the table of learned positions; 0 where there is none.
  public var positionRows: Int {
    if case .learned(let offset) = architecture.embedding.positions { positionCount + offset } else { 0 }
  }

  /// What expressions speak of, at a layer counted from 0.
  public func variables(layer: Int) -> Expression.Variables {
    Expression.Variables(
      layerCount: layerCount, layer: layer + 1, modelDim: modelDim, headCount: headCount, headDim: headDim)
  }
}

/// A configuration that no model can have.
public struct ModelConfigurationError: Error, Equatable, CustomStringConvertible {
  /// What is wrong and what would be right.
  public let description: String

  /// Creates a message.
  public init(description: String) { self.description = description }
}

extension ModelConfiguration {
  /// Checks that the sizes make a model.
  public func validate() throws(ModelConfigurationError) {
    for (name, value) in [
      ("layers", layerCount), ("dim", modelDim), ("heads", headCount), ("kv-heads", keyValueHeadCount),
      ("ffn-dim", ffnDim), ("vocab-size", vocabularySize),
    ] where value < 1 {
      throw ModelConfigurationError(description: "\(name) must be at least 1, not \(value)")
    }
    for (name, value, most) in [
      ("layers", layerCount, 10_000), ("dim", modelDim, 1_000_000), ("ffn-dim", ffnDim, 10_000_000),
      ("vocab-size", vocabularySize, 100_000_000),
    ] where value > most {
      throw ModelConfigurationError(description: "\(name) \(value) is more than \(most), the most there is")
    }
    try validateHeads()
    if let sequenceHead, case .classes(let count) = sequenceHead.target, count < 2 {
      throw ModelConfigurationError(description: "a head needs two classes or more, not \(count)")
    }
    if case .sinusoidal = architecture.embedding.positions, modelDim % 2 != 0 {
      throw ModelConfigurationError(
        description: "dim must be even (sine and cosine halves of the positions), not \(modelDim)")
    }
    for (name, value) in [("dropout", dropout), ("attention-dropout", attentionDropout)]
    where !(value >= 0 && value < 1) {
      throw ModelConfigurationError(description: "\(name) must be at least 0 and below 1, not \(value)")
    }
  }

  private func validateHeads() throws(ModelConfigurationError) {
    guard modelDim % headCount == 0 || headDim != modelDim / headCount else {
      let divisors = (1...modelDim).filter { modelDim % $0 == 0 && $0 <= 64 }.map(String.init)
      throw ModelConfigurationError(
        description: "heads \(headCount) does not divide dim \(modelDim); "
          + "heads could be \(divisors.joined(separator: ", "))")
    }
    guard headCount % keyValueHeadCount == 0 else {
      throw ModelConfigurationError(
        description:
          "kv-heads \(keyValueHeadCount) does not divide heads \(headCount): each serves as many heads")
    }
    guard (1...1_000_000).contains(headDim) else {
      throw ModelConfigurationError(
        description: "head-dim must be at least 1 and at most 1000000, not \(headDim)")
    }
    try architecture.validate(self)
  }
}
