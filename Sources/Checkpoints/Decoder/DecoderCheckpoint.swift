import Architecture

/// A language model's weights in a checkpoint: fairseq's, our own, or Transformers' with their `config.json`.
public struct DecoderCheckpoint: Sendable {
  /// The checkpoint, by the names of a model's parts.
  public let view: ModelView
  /// What model the tensors belong to; its vocabulary is all rows of the embedding.
  public let configuration: ModelConfiguration
  /// What was taken for granted and should be shown, e.g. an activation that the file does not state.
  public let notes: [String]
  /// Tensors that belong to no known part of a decoder, under their own names. Not empty only where
  /// ``CheckpointHints/leavesOutUnknownTensors`` allowed it.
  public let unknownTensors: [String]
  /// Full names of the model's parameters, as the architecture has them, in the order in which data passes them.
  public let parameterNames: [String]

  /// Whether neither this program nor fairseq wrote it, so that its vocabulary is its own tokenizer's.
  public var isForeign: Bool { view.adapter.map { $0.name != NameAdapter.fairseq.name } ?? false }

  /// Tokens of a sequence that it was made for: positions that have a vector, what the file states of its training, or `config.json`. Nil where
  /// nothing tells.
  public var statedContext: Int? {
    if configuration.positionRows > 0 { return configuration.positionCount }
    return view.checkpoint.metadata[CheckpointMetadataKey.sequenceLength].flatMap { Int($0) }
      ?? ConfigFields(beside: view.checkpoint)?.integer("max_position_embeddings", "n_positions")
  }

  /// What it was trained to predict, where the file says that it is not the next token.
  public var statedObjective: Objective? {
    view.checkpoint.metadata[CheckpointMetadataKey.objective].flatMap { Objective(rawValue: $0) }
  }

  private let sources: [String: ModelTensor]

  /// Opens a checkpoint, reads its architecture off its tensors, and checks that all are there in their shapes.
  ///
  /// Queries, keys and values may be one tensor, `self_attn.in_proj_weight`, as in older fairseq.
  ///
  /// - Throws: where the file is no valid checkpoint, a tensor is missing, has a wrong shape or a type that cannot
  ///   be read, where the model is not one that we can compute, and where something that no tensor tells is told neither
  ///   by the metadata nor by `hints`.
  public init(path: String, hints: CheckpointHints = CheckpointHints()) throws(CheckpointError) {
    view = try ModelView(Checkpoint(path: path), adapter: hints.names?.adapter)
    let layout = try DecoderLayout(view)
    let found = try Self.configuration(layout, view, hints)
    var configuration = found.0
    if hints.readsSequenceHead { configuration.sequenceHead = try layout.sequenceHead() }
    (self.configuration, notes) = (configuration, found.notes)
    var matching = ParameterMatching(layout, configuration)
    try matching.matchAll()
    // A model that keeps gains minus one takes them as they lie in the file, to the bit.
    let offsets = ParameterTable(configuration).parameters.filter { $0.spec.multiplierOffset != 0 }
    let kept = Set(offsets.map(\.fullName))
    sources = Dictionary(
      uniqueKeysWithValues: matching.sources.map { ($0, kept.contains($0) ? $1.asStored : $1) })
    parameterNames = matching.names
    unknownTensors = matching.unmatched
    guard unknownTensors.isEmpty || hints.leavesOutUnknownTensors else {
      throw layout.error(
        "has \(unknownTensors.count) tensors that no known part of a decoder has: "
          + unknownTensors.prefix(8).joined(separator: ", ") + (unknownTensors.count > 8 ? ", …" : ""),
        advice: "A model that leaves them out would compute something else")
    }
  }

  /// The model, from what says most: the user, the file's own description, `config.json` beside it, and for fairseq's names the
  /// tensors themselves.
  private static func configuration(
    _ layout: DecoderLayout, _ view: ModelView, _ hints: CheckpointHints
  ) throws(CheckpointError) -> (ModelConfiguration, notes: [String]) {
    let metadata = view.checkpoint.metadata
    let stated = try ArchitectureDescription(statedBy: metadata, layout)
    if let described = hints.architecture ?? stated {
      let stated = metadata[CheckpointMetadataKey.headCount].flatMap { Int($0) }
      guard let headCount = hints.headCount ?? stated ?? ConfigFields(beside: view.checkpoint)?.headCount
      else {
        throw layout.error(
          "has no tensor that tells the number of attention heads", advice: "Give it with --heads")
      }
      return (try DecoderSizes(layout).configuration(described, headCount: headCount, layout: layout), [])
    }
    guard view.adapter == nil || view.adapter?.name == NameAdapter.fairseq.name else {
      if let config = try TransformersConfiguration(beside: view.checkpoint) {
        return (try config.configuration(DecoderSizes(layout), layout), [])
      }
      throw layout.error(
        "is a model with \(view.adapter?.title ?? "other")'s names and no config.json beside it, which would tell how its "
          + "tensors are used", advice: "Give --architecture FILE and --heads")
    }
    var inference = ArchitectureInference(layout, metadata: metadata, hints: hints)
    let configuration = try inference.configuration()
    return (configuration, inference.notes)
  }

  /// Elements of a parameter.
  /// - Returns: nil where the model has no such parameter.
  public func elementCount(of parameter: String) -> Int? { sources[parameter]?.elementCount }

  /// All elements of a parameter as the model keeps them, in C order.
  ///
  /// - Precondition: `parameter` is one of ``parameterNames``.
  /// - Throws: where the file cannot be read.
  public func floats(of parameter: String) throws(CheckpointError) -> [Float] {
    try view.floats(of: source(parameter))
  }

  /// All elements of a parameter as the model keeps them, in C order.
  ///
  /// - Precondition: `parameter` is one of ``parameterNames``.
  /// - Throws: where the file cannot be read.
  public func doubles(of parameter: String) throws(CheckpointError) -> [Double] {
    try view.doubles(of: source(parameter))
  }

  /// Where a parameter is stored; nil where the model has none of that name.
  func source(ofParameter name: String) -> ModelTensor? { sources[name] }

  private func source(_ parameter: String) -> ModelTensor {
    guard let source = sources[parameter] else { preconditionFailure("no parameter \(parameter)") }
    return source
  }
}

extension ArchitectureDescription {
  /// What one of our own checkpoints states; nil where it states nothing.
  fileprivate init?(statedBy metadata: [String: String], _ layout: DecoderLayout) throws(CheckpointError) {
    guard let text = metadata[CheckpointMetadataKey.architecture] else { return nil }
    let name = metadata[CheckpointMetadataKey.architectureName] ?? "unnamed"
    do { try self.init(parsing: text, name: name, file: "\(layout.path)'s architecture") } catch {
      throw layout.error("states an architecture that cannot be read: \(error)")
    }
  }
}
