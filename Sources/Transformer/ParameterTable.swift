import RunData

/// What a parameter is for: decides weight decay and how checkpoints and figures treat it.
public enum ParameterKind: Sendable {
  /// A matrix of a linear map.
  case weight
  /// An additive vector.
  case bias
  /// A norm's multiplicative vector (the paper's α).
  case gain
  /// A learned scale: γ of the heads, λ of the residuals.
  case scale
  /// The token embeddings, tied to the output head.
  case embedding
}

/// How a parameter starts.
public enum InitialValue: Equatable, Sendable {
  /// Uniform in ±bound.
  case uniform(bound: Double)
  /// Normal with mean 0.
  case normal(standardDeviation: Double)
  /// The same everywhere.
  case constant(Double)
}

/// When a parameter's gradient is zero whatever the data, so that only rounding noise is measured.
public enum ZeroGradient: Sendable {
  /// Never.
  case never
  /// Always: a shift of all keys moves every score of a query alike, and softmax does not see it.
  case always
  /// With one position: a softmax over one score is constant, so queries and keys do not matter.
  case oneToken
}

/// One row of the table: a tensor's name, shape, place and start.
public struct ParameterSpec: Equatable, Sendable {
  /// Name within its layer, e.g. `self_attn.q_proj.weight`; the full name outside the layers.
  public let name: String
  /// Sizes, row-major; matrices are `(outputs, inputs)`.
  public let shape: [Int]
  /// What it is for.
  public let kind: ParameterKind
  /// How it starts.
  public let initialValue: InitialValue
  /// When its gradient is zero by construction.
  public let zeroGradient: ZeroGradient

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
}

/// A tensor of a model: its specification and where it lies in the flat parameter memory.
public struct Parameter: Equatable, Sendable {
  /// Shape, kind and start.
  public let spec: ParameterSpec
  /// The layer it belongs to; nil outside the layers.
  public let layer: Int?
  /// Its elements in the flat memory.
  public let range: Range<Int>

  /// The full name, as fairseq spells it.
  public var fullName: String { layer.map { "decoder.layers.\($0).\(spec.name)" } ?? spec.name }
}

/// Every tensor of a model, in memory order: the one table that sizes, initial values, optimizer, run file and checkpoints go by.
public struct ParameterTable: Equatable, Sendable {
  /// All tensors: the embedding, the layers' in turn, the norm after the stack.
  public let parameters: [Parameter]
  /// Tensors of each layer.
  public let layerSpecs: [ParameterSpec]
  /// Number of layers.
  public let layerCount: Int

  /// Lays out the tensors of a model.
  public init(_ configuration: ModelConfiguration) {
    let plan = BlockPlan(configuration)
    layerSpecs = plan.parameters
    layerCount = configuration.layerCount
    var parameters: [Parameter] = []
    var offset = 0
    func place(_ spec: ParameterSpec, layer: Int?) {
      parameters.append(Parameter(spec: spec, layer: layer, range: offset..<offset + spec.count))
      offset += spec.count
    }
    place(Self.embedding(configuration), layer: nil)
    for layer in 0..<configuration.layerCount { for spec in plan.parameters { place(spec, layer: layer) } }
    for spec in Self.finalNorm(configuration) { place(spec, layer: nil) }
    self.parameters = parameters
  }

  /// Elements of all tensors.
  public var elementCount: Int { parameters.last?.range.upperBound ?? 0 }

  /// Index of the first tensor of a layer.
  public func firstIndex(layer: Int) -> Int { 1 + layer * layerSpecs.count }

  /// Indices of the tensors outside the layers.
  public var stemIndices: [Int] { parameters.indices.filter { parameters[$0].layer == nil } }

  private static func embedding(_ configuration: ModelConfiguration) -> ParameterSpec {
    let deviation =
      switch configuration.initialization {
      case .fairseq, .xiong: 1 / Double(configuration.modelDim).squareRoot()
      case .gpt2: 0.02
      }
    return ParameterSpec(
      name: "decoder.embed_tokens.weight", shape: [configuration.embeddingCount, configuration.modelDim],
      kind: .embedding, initialValue: .normal(standardDeviation: deviation), zeroGradient: .never)
  }

  private static func finalNorm(_ configuration: ModelConfiguration) -> [ParameterSpec] {
    guard configuration.placement == .preLN else { return [] }
    return ParameterSpec.norm(
      "decoder.layer_norm", width: configuration.modelDim, kind: configuration.norm)
  }
}
