import RunData

/// The decoder that a checkpoint's tensors belong to, as far as names, shapes, metadata and the user tell.
public struct CheckpointArchitecture: Equatable, Sendable {
  /// Layers.
  public var layerCount: Int
  /// Width of the residual stream.
  public var modelDim: Int
  /// Width of the FFN's hidden layer, after gating.
  public var ffnDim: Int
  /// Attention heads.
  public var headCount: Int
  /// Rows of the token embedding.
  public var vocabularySize: Int
  /// Where the norms stand.
  public var placement: NormPlacement
  /// The kind of every norm.
  public var norm: NormKind
  /// The FFN's nonlinearity.
  public var activation: Activation
  /// LN on the attention's output: `attn_ln`.
  public var scaleAttention: Bool
  /// LN inside the FFN: `ffn_layernorm`.
  public var scaleFFN: Bool
  /// γ: `c_attn`; nil where there is none.
  public var scaleHeads: HeadScalePlacement?
  /// λ.
  public var scaleResiduals: ResidualScaling
  /// LN on queries, keys and values.
  public var normQueryKeyValue: Bool
  /// Whether the output projection is the token embedding.
  public var isHeadTied: Bool
}

/// What the user says about a checkpoint; it wins over the file's metadata, never over its tensors.
public struct CheckpointHints: Equatable, Sendable {
  /// `--heads`.
  public var headCount: Int?
  /// `--head-scale-placement`.
  public var headScalePlacement: HeadScalePlacement?
  /// Whether tensors that no known part of a decoder has are left out; otherwise they are an error, because the model
  /// that they belong to computes something else.
  public var leavesOutUnknownTensors: Bool

  /// Creates hints.
  public init(
    headCount: Int? = nil, headScalePlacement: HeadScalePlacement? = nil,
    leavesOutUnknownTensors: Bool = false
  ) {
    self.headCount = headCount
    self.headScalePlacement = headScalePlacement
    self.leavesOutUnknownTensors = leavesOutUnknownTensors
  }
}

/// Metadata keys under which our checkpoints state what no tensor tells.
public enum CheckpointMetadataKey {
  /// Number of heads, decimal.
  public static let headCount = "head_count"
  /// A ``HeadScalePlacement``.
  public static let headScalePlacement = "head_scale_placement"
  /// A ``Activation``.
  public static let activation = "activation"
}

extension CheckpointArchitecture {
  /// What to write into a checkpoint's metadata, so that it can be read without flags.
  public var metadata: [String: String] {
    var metadata = [
      CheckpointMetadataKey.headCount: String(headCount),
      CheckpointMetadataKey.activation: activation.rawValue,
    ]
    metadata[CheckpointMetadataKey.headScalePlacement] = scaleHeads?.rawValue
    return metadata
  }
}
