/// The decoder that a checkpoint's tensors belong to, as far as names, shapes, metadata and the user tell.
public struct CheckpointArchitecture: Equatable, Sendable {
  /// Where the norms of a layer stand.
  public enum NormPlacement: String, Sendable, CaseIterable {
    /// After each residual sum.
    case postLN = "post-ln"
    /// Before each sublayer, and one after the stack.
    case preLN = "pre-ln"
  }

  /// What γ scales. No tensor tells.
  public enum HeadScalePlacement: String, Sendable, CaseIterable {
    /// Each head before the output projection.
    case paper
    /// Chunks of the output projection's result.
    case fairseq
    /// As `fairseq`, with the width's axes exchanged: code of October 2021.
    case fairseq2021 = "fairseq-2021"
  }

  /// The FFN's nonlinearity.
  public enum Activation: String, Sendable, CaseIterable {
    /// Exact-erf GELU.
    case gelu
    /// GELU of one half of `fc1`'s outputs times the other half.
    case geglu
  }

  /// Which residuals have a learned scale λ.
  public enum ResidualScaling: String, Sendable, CaseIterable {
    /// None.
    case none
    /// The FFN's: `w_resid`.
    case ffn
    /// The FFN's and the attention's: `w_resid` and `w_resid_attention`.
    case both
  }

  /// The kind of every norm.
  public enum NormKind: String, Sendable, CaseIterable {
    /// LayerNorm, with gain and bias.
    case layer
    /// RMSNorm, with a gain only.
    case rms
  }

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
  public var headScalePlacement: CheckpointArchitecture.HeadScalePlacement?
  /// Whether tensors that no known part of a decoder has are left out; otherwise they are an error, because the model
  /// that they belong to computes something else.
  public var leavesOutUnknownTensors: Bool

  /// Creates hints.
  public init(
    headCount: Int? = nil, headScalePlacement: CheckpointArchitecture.HeadScalePlacement? = nil,
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
  /// A ``CheckpointArchitecture/HeadScalePlacement``.
  public static let headScalePlacement = "head_scale_placement"
  /// A ``CheckpointArchitecture/Activation``.
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
