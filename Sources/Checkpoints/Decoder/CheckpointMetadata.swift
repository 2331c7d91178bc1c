import Architecture

/// Metadata keys under which our checkpoints state what no tensor tells.
public enum CheckpointMetadataKey {
  /// Number of heads, decimal.
  public static let headCount = "head_count"
  /// A ``HeadScalePlacement``.
  public static let headScalePlacement = "head_scale_placement"
  /// An ``Activation``.
  public static let activation = "activation"
  /// The architecture in its own language, where it was not chosen in the paper's words.
  public static let architecture = "architecture_text"
  /// Tokens of the sequences that it was trained on, decimal.
  public static let sequenceLength = "sequence_length"
  /// An ``Objective``, where it is not the causal one.
  public static let objective = "objective"
  /// The architecture's name beside ``architecture``.
  public static let architectureName = "architecture_name"
}

extension ModelConfiguration {
  /// What to write into a checkpoint's metadata, so that it can be read without flags.
  public var checkpointMetadata: [String: String] {
    var metadata = [CheckpointMetadataKey.headCount: String(headCount)]
    if objective != .causal { metadata[CheckpointMetadataKey.objective] = objective.rawValue }
    if let paperWiring {
      metadata[CheckpointMetadataKey.activation] = paperWiring.activation.rawValue
      metadata[CheckpointMetadataKey.headScalePlacement] = paperWiring.additions.scaleHeads?.rawValue
    } else {
      metadata[CheckpointMetadataKey.architecture] = architecture.resolvedText
      metadata[CheckpointMetadataKey.architectureName] = architecture.name
    }
    return metadata
  }
}

/// What the user says about a checkpoint; it wins over the file's metadata, never over its tensors.
public struct CheckpointHints: Equatable, Sendable {
  /// Attention heads.
  public var headCount: Int?
  /// What head scales multiply.
  public var headScalePlacement: HeadScalePlacement?
  /// The wiring.
  public var architecture: ArchitectureDescription?
  /// Which of its tensors is which parameter, where no table knows its names.
  public var names: CheckpointNames?
  /// Whether tensors that no known part of a decoder has are left out; otherwise they are an error, because the model
  /// that they belong to computes something else.
  public var leavesOutUnknownTensors: Bool
  /// Whether a head that judges sequences is read where there is one, and none that predicts tokens is asked for beside it. Otherwise such a head is
  /// a tensor like others that no known part has.
  public var readsSequenceHead: Bool

  /// Creates hints.
  public init(
    headCount: Int? = nil, headScalePlacement: HeadScalePlacement? = nil,
    architecture: ArchitectureDescription? = nil, names: CheckpointNames? = nil,
    leavesOutUnknownTensors: Bool = false, readsSequenceHead: Bool = false
  ) {
    self.headCount = headCount
    self.headScalePlacement = headScalePlacement
    self.architecture = architecture
    self.names = names
    self.leavesOutUnknownTensors = leavesOutUnknownTensors
    self.readsSequenceHead = readsSequenceHead
  }
}
