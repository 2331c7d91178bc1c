import Kernels
import RunData

/// Some columns of one of a block's values.
public struct Slice: Equatable, Hashable, Sendable {
  /// Index of the value in ``BlockPlan/values``.
  let value: Int
  /// The columns.
  let columns: Range<Int>
}

/// A linear map of a step: `outputs` maps side by side, whose weights and biases lie back to back in memory.
struct LinearParameters: Equatable, Sendable {
  /// Indices of the weights in ``BlockPlan/parameters``.
  let weights: Range<Int>
  /// Indices of the biases.
  let biases: Range<Int>
  let inputWidth: Int
  let outputWidth: Int
}

/// The gain and bias of a norm, as indices in ``BlockPlan/parameters``.
struct NormParameters: Equatable, Sendable {
  let gain: Int
  let bias: Int?
  /// Which of the block's norms this is; names the place of its statistics.
  let ordinal: Int
}

/// One operation of a block: what it reads, what it writes, and which parameters it owns.
enum Step: Equatable, Sendable {
  case norm(NormParameters, from: Slice, to: Slice)
  case linear(LinearParameters, from: Slice, to: Slice)
  case attention(query: Slice, key: Slice, value: Slice, to: Slice)
  case headScale(HeadScaleKind, parameter: Int, from: Slice, to: Slice)
  case activation(Activation, from: Slice, to: Slice)
  case dropout(site: Int, from: Slice, to: Slice)
  case add(residual: Slice, scale: Int?, branch: Slice, to: Slice)

  /// What the step reads.
  var inputs: [Slice] {
    switch self {
    case .norm(_, let from, _), .linear(_, let from, _), .headScale(_, _, let from, _),
      .activation(_, let from, _), .dropout(_, let from, _):
      [from]
    case .attention(let query, let key, let value, _): [query, key, value]
    case .add(let residual, _, let branch, _): [residual, branch]
    }
  }

  /// What the step writes.
  var output: Slice {
    switch self {
    case .norm(_, _, let to), .linear(_, _, let to), .attention(_, _, _, let to),
      .headScale(_, _, _, let to), .activation(_, _, let to), .dropout(_, _, let to), .add(_, _, _, let to):
      to
    }
  }

  /// The forward values that the backward pass reads again.
  var keptForBackward: [Slice] {
    switch self {
    case .norm, .linear, .headScale, .activation, .attention: inputs
    case .dropout: []
    case .add(let residual, let scale, _, _): scale == nil ? [] : [residual]
    }
  }
}

/// A step under the name that records and figures show it by.
struct NamedStep: Equatable, Sendable {
  let name: String
  let step: Step
  /// Names of the output's parts where they are shown apart (q, k and v of one product), else empty.
  var outputNames: [(name: String, slice: Slice)] {
    parts.isEmpty ? [(name, step.output)] : parts.map { ($0.name, $0.slice) }
  }
  var parts: [NamedSlice] = []
  /// Names of what the step computes on its way and does not keep: the logits of attention.
  var innerNames: [String] { if case .attention = step { ["\(name).logits"] } else { [] } }
}

/// A named part of a step's output.
struct NamedSlice: Equatable, Sendable {
  let name: String
  let slice: Slice
}

/// A layer as data: steps over named values, resolved once from the configuration.
///
/// Forward walks the list, backward walks it in reverse, the recorder names operations from it. Value 0 is the residual
/// stream that enters the layer.
public struct BlockPlan: Equatable, Sendable {
  /// Width of each value; value 0 is the layer's input.
  let valueWidths: [Int]
  let steps: [NamedStep]
  /// The value that leaves the layer.
  let output: Slice
  /// The tensors that the steps own, in the order in which data passes them.
  public let parameters: [ParameterSpec]
  let normCount: Int

  /// Whether the forward value is read again by the backward pass, for each value.
  let isKept: [Bool]
  /// For each step and each of its inputs: whether backward adds to that input's gradient (a later step, met before, has
  /// written it already) or overwrites it.
  let accumulates: [[Bool]]

  init(
    valueWidths: [Int], steps: [NamedStep], output: Slice, parameters: [ParameterSpec], normCount: Int
  ) {
    self.valueWidths = valueWidths
    self.steps = steps
    self.output = output
    self.parameters = parameters
    self.normCount = normCount
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

extension ModelConfiguration {
  /// Names of what ``--activations`` measures after the layers: the last norm's output, where there is one, and the logits.
  public var stemOperationNames: [String] {
    (placement == .preLN ? ["decoder.layer_norm"] : []) + ["decoder.output_projection"]
  }
}
