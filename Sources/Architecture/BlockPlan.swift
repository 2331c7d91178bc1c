/// Some columns of one of a block's values.
public struct Slice: Equatable, Hashable, Sendable {
  /// Index of the value in ``BlockPlan/values``.
  public let value: Int
  /// The columns.
  public let columns: Range<Int>
}

/// A linear map of a step: `outputs` maps side by side, whose weights and biases lie back to back in memory.
public struct LinearParameters: Equatable, Sendable {
  /// Indices of the weights in ``BlockPlan/parameters``.
  public let weights: Range<Int>
  /// Indices of the biases; empty where there are none.
  public let biases: Range<Int>
  /// Columns of what it reads.
  public let inputWidth: Int
  /// Columns of what it writes, all maps together.
  public let outputWidth: Int
}

/// A norm of a step: what it computes, and its gain and bias as indices in ``BlockPlan/parameters``.
public struct NormParameters: Equatable, Sendable {
  /// LayerNorm or RMSNorm.
  public let kind: NormKind
  /// ε under the root.
  public let epsilon: Double
  /// The gain.
  public let gain: Int
  /// The bias.
  public let bias: Int?
  /// What is added to the gain as it is stored: 1 where it is stored minus one.
  public let gainOffset: Double
  /// Parts of the row that are normalised by themselves with one gain: the heads, or one.
  public let partCount: Int
  /// Where the norm's statistics begin, in numbers of ``BlockPlan/statisticsCount``.
  public let statistics: Int
}

/// A DyT in a norm's place, as indices in ``BlockPlan/parameters``.
public struct DynamicTanhParameters: Equatable, Sendable {
  /// The learned scalar a.
  public let slope: Int
  /// The gain.
  public let gain: Int
  /// The bias.
  public let bias: Int
}

/// What an attention step computes, batch and sequence left open.
public struct AttentionParameters: Equatable, Sendable {
  /// Heads of queries.
  public let headCount: Int
  /// Heads of keys and values.
  public let keyValueHeadCount: Int
  /// Width of a head.
  public let headDim: Int
  /// Positions that a position sees; nil for all earlier ones.
  public let window: Int?
  /// What Q Kᵀ is multiplied by; nil for 1/√headDim.
  public let scoreScale: Double?
  /// c of `c tanh(logit / c)`.
  public let softCap: Double?
}

/// How a step turns heads by their positions.
public struct RotaryParameters: Equatable, Hashable, Sendable {
  /// Width of a head.
  public let headDim: Int
  /// Elements of a head that turn.
  public let rotatedWidth: Int
  /// The base of the angles.
  public let theta: Double
  /// Which elements turn together.
  public let pairing: RotaryPairing
}

/// One operation of a block: what it reads, what it writes, and which parameters it owns.
public enum Step: Equatable, Sendable {
  case norm(NormParameters, from: Slice, to: Slice)
  case dynamicTanh(DynamicTanhParameters, from: Slice, to: Slice)
  case linear(LinearParameters, from: Slice, to: Slice)
  /// Turns what lies there, in place.
  case rotary(RotaryParameters, Slice)
  case attention(AttentionParameters, query: Slice, key: Slice, value: Slice, to: Slice)
  /// Chunks of a row times a learned number each: the heads of HeadScale, the elements of LayerScale, the whole row of ReZero.
  case headScale(HeadScaleKind, parameter: Int, from: Slice, to: Slice)
  case constantScale(Double, from: Slice, to: Slice)
  case activation(ActivationFunction, from: Slice, to: Slice)
  case gated(ActivationFunction, from: Slice, to: Slice)
  case dropout(site: Int, from: Slice, to: Slice)
  case add(residual: Slice, scale: Int?, branch: Slice, to: Slice)

  /// What the step reads, and leaves as it is.
  public var inputs: [Slice] {
    switch self {
    case .norm(_, let from, _), .dynamicTanh(_, let from, _), .linear(_, let from, _),
      .headScale(_, _, let from, _), .constantScale(_, let from, _), .activation(_, let from, _),
      .gated(_, let from, _), .dropout(_, let from, _):
      [from]
    case .rotary: []
    case .attention(_, let query, let key, let value, _): [query, key, value]
    case .add(let residual, _, let branch, _): [residual, branch]
    }
  }

  /// What the step writes.
  public var output: Slice {
    switch self {
    case .norm(_, _, let to), .dynamicTanh(_, _, let to), .linear(_, _, let to), .rotary(_, let to),
      .attention(_, _, _, _, let to), .headScale(_, _, _, let to), .constantScale(_, _, let to),
      .activation(_, _, let to), .gated(_, _, let to), .dropout(_, _, let to), .add(_, _, _, let to):
      to
    }
  }

  /// The forward values that the backward pass reads again.
  var keptForBackward: [Slice] {
    switch self {
    case .norm, .dynamicTanh, .linear, .headScale, .activation, .gated, .attention: inputs
    case .dropout, .rotary, .constantScale: []
    case .add(let residual, let scale, _, _): scale == nil ? [] : [residual]
    }
  }
}

/// A step under the name that records and figures show it by.
public struct NamedStep: Equatable, Sendable {
  /// The operation's name.
  public let name: String
  /// What it does.
  public let step: Step
  /// Names of the output's parts where they are shown apart (q, k and v of one product), else empty.
  public var outputNames: [(name: String, slice: Slice)] {
    parts.isEmpty ? [(name, step.output)] : parts.map { ($0.name, $0.slice) }
  }
  /// Parts of the output that are shown apart.
  public var parts: [NamedSlice] = []
  /// Names of what the step computes on its way and does not keep: the logits of attention.
  public var innerNames: [String] { if case .attention = step { ["\(name).logits"] } else { [] } }
}

/// A named part of a step's output.
public struct NamedSlice: Equatable, Sendable {
  /// The operation's name.
  public let name: String
  /// Its columns.
  public let slice: Slice
}

/// A layer as data: steps over named values, resolved once from the configuration.
///
/// Forward walks the list, backward walks it in reverse, the recorder names operations from it. Value 0 is the residual
/// stream that enters the layer.
public struct BlockPlan: Equatable, Sendable {
  /// Width of each value; value 0 is the layer's input.
  public let valueWidths: [Int]
  /// What is done, in order.
  public let steps: [NamedStep]
  /// The value that leaves the layer.
  public let output: Slice
  /// The tensors that the steps own, in the order in which data passes them.
  public let parameters: [ParameterSpec]
  /// Numbers that norms keep of each row, means and reciprocal deviations.
  public let statisticsCount: Int

  /// Whether the forward value is read again by the backward pass, for each value.
  public let isKept: [Bool]
  /// For each step and each of its inputs: whether backward adds to that input's gradient (a later step, met before, has
  /// written it already) or overwrites it.
  public let accumulates: [[Bool]]

  init(
    valueWidths: [Int], steps: [NamedStep], output: Slice, parameters: [ParameterSpec],
    statisticsCount: Int
  ) {
    self.valueWidths = valueWidths
    self.steps = steps
    self.output = output
    self.parameters = parameters
    self.statisticsCount = statisticsCount
    let kept = Set(steps.flatMap { $0.step.keptForBackward.map(\.value) })
    isKept = valueWidths.indices.map { $0 == 0 || kept.contains($0) }
    var written: Set<Slice> = []
    var accumulates: [[Bool]] = []
    for step in steps.reversed() {
      accumulates.append(step.step.inputs.map { !written.insert($0).inserted })
    }
    self.accumulates = accumulates.reversed()
  }

  /// Names of what ``--activations`` measures in each layer: the stream that enters it, then each operation's output, with
  /// the logits of attention before what attention makes of them.
  public var operationNames: [String] {
    ["input"] + steps.flatMap { $0.innerNames + $0.outputNames.map(\.name) }
  }
}
