/// A language model's weights in a checkpoint with fairseq's names.
public struct DecoderCheckpoint: Sendable {
  /// The checkpoint, by the names of a model's parts.
  public let view: ModelView
  /// What model the tensors belong to.
  public let architecture: CheckpointArchitecture
  /// What was taken for granted and should be shown, e.g. an activation that the file does not state.
  public let notes: [String]
  /// Tensors that belong to no known part of a decoder, under their own names. Not empty only where
  /// ``CheckpointHints/leavesOutUnknownTensors`` allowed it.
  public let unknownTensors: [String]
  /// Full names of the model's parameters, as the architecture has them, in the order in which data passes them.
  public let parameterNames: [String]

  private let sources: [String: ModelTensor]

  /// Opens a checkpoint, reads its architecture off its tensors, and checks that all are there in their shapes.
  ///
  /// Queries, keys and values may be one tensor, `self_attn.in_proj_weight`, as in older fairseq.
  ///
  /// - Throws: where the file is no valid checkpoint, a tensor is missing, has a wrong shape or a type that cannot
  ///   be read, where the model is not one that we can compute, and where something that no tensor tells is told neither
  ///   by the metadata nor by `hints`.
  public init(path: String, hints: CheckpointHints = CheckpointHints()) throws(CheckpointError) {
    view = try ModelView(Checkpoint(path: path))
    let layout = try DecoderLayout(view)
    var inference = ArchitectureInference(layout, metadata: view.checkpoint.metadata, hints: hints)
    var architecture = try inference.architecture()
    var matching = ParameterMatching(layout, architecture)
    try matching.matchAll()
    architecture.isHeadTied = try Self.isHeadTied(view, layout)
    if !architecture.isHeadTied { try matching.matchHead() }
    self.architecture = architecture
    notes = inference.notes
    sources = matching.sources
    parameterNames = matching.names
    unknownTensors = matching.unmatched
    guard unknownTensors.isEmpty || hints.leavesOutUnknownTensors else {
      throw layout.error(
        "has \(unknownTensors.count) tensors that no known part of a decoder has: "
          + unknownTensors.prefix(8).joined(separator: ", ") + (unknownTensors.count > 8 ? ", …" : ""),
        advice: "A model that leaves them out would compute something else")
    }
  }

  /// Elements of a parameter.
  /// - Returns: nil where the model has no such parameter.
  public func elementCount(of parameter: String) -> Int? { sources[parameter]?.elementCount }

  /// All elements of a parameter, in C order.
  ///
  /// - Precondition: `parameter` is one of ``parameterNames``.
  /// - Throws: where the file cannot be read.
  public func floats(of parameter: String) throws(CheckpointError) -> [Float] {
    try view.floats(of: source(parameter))
  }

  /// All elements of a parameter, in C order.
  ///
  /// - Precondition: `parameter` is one of ``parameterNames``.
  /// - Throws: where the file cannot be read.
  public func doubles(of parameter: String) throws(CheckpointError) -> [Double] {
    try view.doubles(of: source(parameter))
  }

  private func source(_ parameter: String) -> ModelTensor {
    guard let source = sources[parameter] else { preconditionFailure("no parameter \(parameter)") }
    return source
  }

  /// Whether the output projection is absent or equal to the token embedding, element by element.
  private static func isHeadTied(
    _ view: ModelView, _ layout: DecoderLayout
  ) throws(CheckpointError) -> Bool {
    guard let head = layout.stem[DecoderLayout.outputProjection],
      let embedding = layout.stem[DecoderLayout.embedding]
    else { return true }
    guard head.shape == embedding.shape else { return false }
    let names = Set([head.storedName, embedding.storedName])
    if view.checkpoint.tiedTensors.contains(where: { names.isSubset(of: $0.map(\.name)) }) { return true }
    let window = 1 << 18
    var (left, right) = ([Double](repeating: 0, count: window), [Double](repeating: 0, count: window))
    for start in stride(from: 0, to: head.elementCount, by: window) {
      let elements = start..<min(start + window, head.elementCount)
      try view.read(head, elements: elements, into: &left)
      try view.read(embedding, elements: elements, into: &right)
      // Bit patterns, so that a not-a-number equals its copy.
      for index in 0..<elements.count where left[index].bitPattern != right[index].bitPattern { return false }
    }
    return true
  }
}
