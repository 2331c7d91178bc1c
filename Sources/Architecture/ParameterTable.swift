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
  /// 1, until a pass over a batch has found what it is to be.
  case profiled
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
  /// What the elements of a vector run over.
  public let axis: ParameterAxis
  /// What is added to a stored element before it multiplies: 1 where a gain is stored minus one.
  public let multiplierOffset: Double

  init(
    name: String, shape: [Int], kind: ParameterKind, initialValue: InitialValue,
    zeroGradient: ZeroGradient = .never, axis: ParameterAxis = .other, multiplierOffset: Double = 0
  ) {
    self.name = name
    self.shape = shape
    self.kind = kind
    self.initialValue = initialValue
    self.zeroGradient = zeroGradient
    self.axis = axis
    self.multiplierOffset = multiplierOffset
  }

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

/// What the elements of a gain, a scale or a bias run over.
public enum ParameterAxis: Equatable, Sendable {
  /// The model's width.
  case modelElement
  /// The FFN's hidden width.
  case ffnElement
  /// The heads of queries.
  case head
  /// The width of a head.
  case headElement
  /// One element.
  case single
  /// Something else.
  case other

  /// The axis of a row that has as many columns.
  static func width(_ count: Int, of configuration: ModelConfiguration) -> ParameterAxis {
    if count == configuration.modelDim { return .modelElement }
    return count == configuration.ffnDim ? .ffnElement : .other
  }
}

/// Every tensor of a model, in memory order: the one table that sizes, initial values, optimizer, run file and checkpoints go by.
public struct ParameterTable: Equatable, Sendable {
  /// All tensors: those before the layers, the layers' in turn, those after.
  public let parameters: [Parameter]
  /// The layers' steps.
  public let plans: [BlockPlan]
  /// Tensors that any layer has, in the order in which data passes them: the columns of a run file.
  public let layerTensorNames: [String]
  /// Operations that any layer has.
  public let operationNames: [String]
  private let layerStarts: [Int]

  /// Lays out the tensors of a model.
  public init(_ configuration: ModelConfiguration) {
    plans = (0..<configuration.layerCount).map { BlockPlan(configuration, layer: $0) }
    layerTensorNames = plans.map { $0.parameters.map(\.name) }.mergedInOrder()
    operationNames = plans.map(\.operationNames).mergedInOrder()
    var parameters: [Parameter] = []
    var starts: [Int] = []
    var offset = 0
    func place(_ specs: [ParameterSpec], layer: Int?) {
      for spec in specs {
        parameters.append(Parameter(spec: spec, layer: layer, range: offset..<offset + spec.count))
        offset += spec.count
      }
    }
    place(StemTensor.before(configuration), layer: nil)
    for (layer, plan) in plans.enumerated() {
      starts.append(parameters.count)
      place(plan.parameters, layer: layer)
    }
    place(StemTensor.after(configuration), layer: nil)
    layerStarts = starts
    self.parameters = parameters
  }

  /// Whether initial values await a pass over a batch.
  public var needsProfile: Bool { parameters.contains { $0.spec.initialValue == .profiled } }

  /// Number of layers.
  public var layerCount: Int { plans.count }

  /// Elements of all tensors.
  public var elementCount: Int { parameters.last?.range.upperBound ?? 0 }

  /// Index of the first tensor of a layer.
  public func firstIndex(layer: Int) -> Int { layerStarts[layer] }

  /// Index of a layer's tensor; nil where the layer has none of that name.
  public func index(layer: Int, name: String) -> Int? {
    plans[layer].parameters.firstIndex { $0.name == name }.map { layerStarts[layer] + $0 }
  }

  /// Index of a tensor outside the layers.
  public func index(stem name: String) -> Int? {
    parameters.firstIndex { $0.layer == nil && $0.spec.name == name }
  }

  /// Indices of the tensors outside the layers.
  public var stemIndices: [Int] { parameters.indices.filter { parameters[$0].layer == nil } }
}

extension [[String]] {
  /// Every name once, each after those that stand before it in its own list.
  func mergedInOrder() -> [String] {
    var merged: [String] = []
    var known: Set<String> = []
    // Layers are mostly alike: each list is looked at once.
    var seen: Set<[String]> = []
    for list in self where seen.insert(list).inserted {
      var place = 0
      for name in list {
        if known.insert(name).inserted {
          merged.insert(name, at: place)
          place += 1
        } else if let index = merged.firstIndex(of: name) {
          place = Swift.max(place, index + 1)
        }
      }
    }
    return merged
  }
}
