/// A checkpoint in model terms: every tensor at its place, whatever the library that wrote it calls it.
public struct ModelView: Sendable {
  /// As many elements a caller does well to read at a time: 16 MiB as `Float`. A transposed tensor is read in runs as long
  /// as a window has rows, so windows of a sixteenth of this take several times as long.
  public static let windowCount = 1 << 22

  /// The checkpoint.
  public let checkpoint: Checkpoint
  /// Whose names the tensors have; nil where no table knows any of them.
  public let adapter: NameAdapter?
  /// In the order in which data pass them.
  public let tensors: [ModelTensor]
  /// Tensors that the adapter does not know, under their own names, in the order of the file.
  public let unknown: [TensorInfo]
  /// The layers of those of them that lie in one, by name.
  public let ownPlaces: [String: OwnPlace]
  /// Tensors that are stored and that no computation reads.
  public let bookkeeping: [TensorInfo]
  /// What a reader of figures should know about these names.
  public let notes: [String]
  /// The number of layers of the deepest stack.
  public let layerCount: Int

  private let indices: [TensorPlace: Int]

  /// Finds the place of every tensor.
  ///
  /// - Parameter adapter: whose names to expect; by default, found by the names that are there.
  /// - Throws: where a fused tensor has a shape that cannot be cut into its parts.
  public init(_ checkpoint: Checkpoint, adapter: NameAdapter? = nil) throws(CheckpointError) {
    let candidates = adapter.map { [$0] } ?? NameAdapter.all
    var found = NameAdapter.best(of: candidates, for: checkpoint.tensors) ?? adapter
    var placing = TensorPlacing(checkpoint.path, headCount: checkpoint.headCount)
    if try !placing.place(checkpoint.tensors, by: found, isNamed: adapter != nil) { found = nil }
    self.checkpoint = checkpoint
    self.adapter = found
    // Counted, not taken from the largest number, which may be any.
    layerCount = TensorPlace.Stack.allCases.map { placing.layers[$0]?.count ?? 0 }.max() ?? 0
    let storage = GainStorage(checkpoint, layerCount: layerCount)
    let own = placing.unknown.compactMap { ModelTensor($0, placing.ownPlaces[$0.name], storage) }
    let placed = placing.placed.map { $0.stored(by: storage) } + own
    tensors = PassOrder(isPreLN: placing.isPreLN(found)).sorted(placed)
    let ownNames = Set(own.map(\.storedName))
    unknown = placing.unknown.filter { !ownNames.contains($0.name) }
    ownPlaces = placing.ownPlaces
    bookkeeping = placing.bookkeeping
    let saysHowGainsAreStored = if case .minusOne = storage { true } else { false }
    notes = placing.notes(found, stated: checkpoint.metadata, saysHowGainsAreStored: saysHowGainsAreStored)
    indices = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.place, $0) })
  }

  /// The tensor of a place.
  public subscript(place: TensorPlace) -> ModelTensor? { indices[place].map { tensors[$0] } }

  /// Writes `elements` of a tensor into `values` from `start` on: in the model's orientation, gains as they multiply.
  ///
  /// - Precondition: `elements`, counted in C order, lies inside the tensor's part, and as many values follow `start`.
  /// - Throws: where the tensor cannot be read.
  public func read(
    _ tensor: ModelTensor, elements: Range<Int>, into values: inout [Float], at start: Int = 0
  ) throws(CheckpointError) {
    try checkpoint.read(tensor.view, elements: elements, into: &values, at: start)
    guard tensor.isGainStoredMinusOne else { return }
    for index in start..<(start + elements.count) { values[index] += 1 }
  }

  /// Writes `elements` of a tensor into `values` from `start` on: in the model's orientation, gains as they multiply.
  ///
  /// - Precondition: `elements`, counted in C order, lies inside the tensor's part, and as many values follow `start`.
  /// - Throws: where the tensor cannot be read.
  public func read(
    _ tensor: ModelTensor, elements: Range<Int>, into values: inout [Double], at start: Int = 0
  ) throws(CheckpointError) {
    try checkpoint.read(tensor.view, elements: elements, into: &values, at: start)
    guard tensor.isGainStoredMinusOne else { return }
    for index in start..<(start + elements.count) { values[index] += 1 }
  }

  /// All elements of a tensor.
  /// - Throws: where the tensor cannot be read.
  public func floats(of tensor: ModelTensor) throws(CheckpointError) -> [Float] {
    var values = [Float](repeating: 0, count: tensor.elementCount)
    try read(tensor, elements: 0..<values.count, into: &values)
    return values
  }

  /// All elements of a tensor.
  /// - Throws: where the tensor cannot be read.
  public func doubles(of tensor: ModelTensor) throws(CheckpointError) -> [Double] {
    var values = [Double](repeating: 0, count: tensor.elementCount)
    try read(tensor, elements: 0..<values.count, into: &values)
    return values
  }
}
