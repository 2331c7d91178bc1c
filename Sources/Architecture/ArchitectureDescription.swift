/// A model's wiring as a file states it: what a paper's equation and table of settings say, without sizes.
///
/// Each sublayer has the form
/// `x -> [input norm] -> f, which may hold inner norms -> [branch norm] -> [branch scale] -> + [residual scale] * x -> [output norm]`.
public struct ArchitectureDescription: Equatable, Sendable {
  /// The name that commands and files use, e.g. `pre-ln`.
  public var name: String
  /// The name that papers use.
  public var title = ""
  /// What is particular, in a line.
  public var summary = ""
  /// The paper's equation, in plain characters.
  public var equation = ""
  /// Where it comes from.
  public var source = ""
  /// What stands before the layers.
  public var embedding = EmbeddingDescription()
  /// The sublayers of a layer, in the order in which data passes them.
  public var block: [SublayerDescription]
  /// Layers that have other sublayers; of several that name a layer, the last holds.
  public var exceptions: [LayerException] = []
  /// What stands after the layers.
  public var head = HeadDescription()
  /// How parameters start, beyond what the run says.
  public var initial = InitialDescription()
  /// Sizes where the run states none.
  public var sizes = SizeDescription()
  /// The text that it was read from; empty for one that was not read.
  public var text = ""

  /// Creates a description.
  public init(name: String, block: [SublayerDescription]) {
    self.name = name
    self.block = block
  }

  /// Whether models of both compute the same, whatever the descriptions are called.
  public func sameWiring(as other: ArchitectureDescription) -> Bool {
    var (one, two) = (self, other)
    for path in [\ArchitectureDescription.name, \.title, \.summary, \.equation, \.source, \.text] {
      one[keyPath: path] = ""
      two[keyPath: path] = ""
    }
    return one == two
  }

  /// The sublayers of one layer, counted from 1.
  public func sublayers(layer: Int, of layerCount: Int) -> [SublayerDescription] {
    exceptions.last { $0.layers.contains(layer, of: layerCount) }?.block ?? block
  }
}

/// A norm, at whichever place.
public struct NormDescription: Equatable, Sendable {
  /// LayerNorm, RMSNorm or DyT.
  public enum Kind: String, Sendable, CaseIterable {
    /// Zero mean, unit variance.
    case layer
    /// Unit root mean square.
    case rms
    /// `g tanh(a x) + b` in a norm's place.
    case dyt
  }

  /// What is normalised.
  public var kind = Kind.layer
  /// ε under the root; DyT has none.
  public var epsilon = 1e-5
  /// Whether a bias is added; a LayerNorm's and a DyT's by default.
  public var hasBias = true
  /// Whether it stands on each head of its input by itself, one gain for all heads.
  public var isPerHead = false
  /// Whether the gain is stored as its difference from one (Gemma).
  public var isGainStoredMinusOne = false
  /// What the output is multiplied by, where not 1 (LN-scaling).
  public var factor: Expression?
  /// a of a DyT at the start.
  public var slope = 0.5

  /// The LayerNorm of the paper.
  public init() {}
}

/// A factor on a branch or a residual.
public enum ScaleDescription: Equatable, Sendable {
  /// A number.
  case constant(Expression)
  /// One learned number.
  case scalar(start: Expression)
  /// A learned number for each element.
  case vector(start: Expression)
  /// The same, started by what a pass over a batch finds (Admin): on a residual alone.
  case profiledVector
}

/// What surrounds a sublayer's function.
public struct Surroundings: Equatable, Sendable {
  /// On what the function reads.
  public var inputNorm: NormDescription?
  /// On what the function gives.
  public var branchNorm: NormDescription?
  /// On the sum.
  public var outputNorm: NormDescription?
  /// On the branch, after its norm.
  public var branchScale: ScaleDescription?
  /// On the residual.
  public var residualScale: ScaleDescription?
  /// Whether the layer's own input is added as well (B2T).
  public var addsLayerInput = false

  /// Nothing around.
  public init() {}
}

/// Where rotary positions turn queries and keys.
public struct RotaryDescription: Equatable, Sendable {
  /// The base of the angles.
  public var theta = 10_000.0
  /// The share of a head's width that turns.
  public var share = 1.0
  /// Which elements turn together.
  public var pairing = RotaryPairing.halves

  /// The form of Llama.
  public init() {}
}

/// An attention sublayer's function.
public struct AttentionDescription: Equatable, Sendable {
  /// On queries, keys and values, before positions turn them.
  public var queryNorm, keyNorm, valueNorm: NormDescription?
  /// On the heads side by side, before W_O.
  public var headsNorm: NormDescription?
  /// HeadScale.
  public var headScale: HeadScalePlacement?
  /// nil where nothing turns.
  public var rotary: RotaryDescription?
  /// Positions that a position sees, itself among them; nil for all earlier ones.
  public var window: Int?
  /// What Q Kᵀ is multiplied by; nil for 1/√(head width).
  public var scoreScale: Expression?
  /// c of `c tanh(logit / c)`.
  public var softCap: Double?
  /// Which projections have a bias, among `q`, `k`, `v`, `out`.
  public var biases: Set<String> = Self.projections
  /// The projections' names.
  public static let projections: Set<String> = ["q", "k", "v", "out"]

  /// fairseq's attention.
  public init() {}
}

/// An FFN sublayer's function.
public struct FFNDescription: Equatable, Sendable {
  /// How a second map gates the first.
  public enum Gate: String, Sendable, CaseIterable {
    /// There is none.
    case none
    /// `f(W_gate x) ∘ W_1 x`, two tensors.
    case separate
    /// The same, both in one tensor `fc1` of twice the width.
    case fused
  }

  /// On the hidden layer, after the nonlinearity.
  public var innerNorm: NormDescription?
  /// The nonlinearity.
  public var activation = ActivationFunction.gelu
  /// Gating.
  public var gate = Gate.none
  /// Which projections have a bias, among `gate`, `fc1`, `fc2`.
  public var biases: Set<String> = Self.projections
  /// The projections' names.
  public static let projections: Set<String> = ["gate", "fc1", "fc2"]

  /// fairseq's FFN.
  public init() {}
}

/// A sublayer.
public enum SublayerDescription: Equatable, Sendable {
  /// Attention.
  case attention(AttentionDescription, Surroundings)
  /// FFN.
  case feedForward(FFNDescription, Surroundings)
  /// Several functions of one input, whose outputs are all added; each with its own norms and scales, `shared` on the input of all.
  case parallel([SublayerDescription], shared: Surroundings)
}

/// Layers that differ.
public struct LayerException: Equatable, Sendable {
  /// Which layers.
  public enum Layers: Equatable, Sendable {
    /// The first few: a number, or a share of all (`1/4` of them).
    case first(Expression)
    /// The last few.
    case last(Expression)
    /// Those whose number, from 1, is a multiple.
    case every(Int)
    /// Those with these numbers, from 1.
    case numbers(Set<Int>)

    /// Whether a layer, counted from 1, is one of them.
    public func contains(_ layer: Int, of layerCount: Int) -> Bool {
      switch self {
      case .first(let count): layer <= Self.count(count, layerCount)
      case .last(let count): layer > layerCount - Self.count(count, layerCount)
      case .every(let interval): layer.isMultiple(of: interval)
      case .numbers(let numbers): numbers.contains(layer)
      }
    }

    private static func count(_ expression: Expression, _ layerCount: Int) -> Int {
      let value = expression.value(
        Expression.Variables(layerCount: layerCount, layer: 1, modelDim: 1, headCount: 1, headDim: 1))
      return Int(min(max(0, value.isNaN ? 0 : value), Double(layerCount)))
    }
  }

  /// Which.
  public var layers: Layers
  /// What they have instead.
  public var block: [SublayerDescription]

  /// Creates an exception.
  public init(layers: Layers, block: [SublayerDescription]) {
    self.layers = layers
    self.block = block
  }
}

/// What stands before the layers.
public struct EmbeddingDescription: Equatable, Sendable {
  /// How positions come in before the layers.
  public enum Positions: Equatable, Sendable {
    /// fairseq's: sines and cosines in halves, first position 2.
    case sinusoidal
    /// A table; position p reads row p + offset.
    case learned(offset: Int)
    /// None.
    case none
  }

  /// What token embeddings are multiplied by.
  public var scale = Expression.squareRootOfWidth
  /// Positions.
  public var positions = Positions.sinusoidal
  /// A norm on the sum.
  public var norm: NormDescription?
}

/// What stands after the layers.
public struct HeadDescription: Equatable, Sendable {
  /// A norm before the head.
  public var norm: NormDescription?
  /// Whether the head is the embedding.
  public var isTied = true
  /// Whether a head of its own has a bias.
  public var hasBias = false
  /// c of `c tanh(logit / c)`.
  public var softCap: Double?
  /// What logits are multiplied by.
  public var multiplier: Expression?
}

/// How parameters start, beyond the run's own choice.
public struct InitialDescription: Equatable, Sendable {
  /// The scheme, where the run states none.
  public var scheme: Initialization?
  /// Factors on the initial weights of some projections: `q`, `k`, `v`, `out`, `gate`, `fc1`, `fc2`.
  public var gains: [String: Expression] = [:]
  /// The projections' names.
  public static let projections = AttentionDescription.projections.union(FFNDescription.projections)
}

/// Sizes that an architecture suggests.
public struct SizeDescription: Equatable, Sendable {
  /// Heads of keys and values.
  public var keyValueHeadCount: Expression?
  /// Width of a head.
  public var headDim: Expression?
  /// Width of the FFN's hidden layer.
  public var ffnDim: Expression?
}

extension Expression {
  /// √d.
  public static let squareRootOfWidth = constant("sqrt(d)")

  /// An expression of this program's own.
  static func constant(_ text: String) -> Expression {
    do { return try Expression(parsing: text) } catch { preconditionFailure("\(error)") }
  }
}
