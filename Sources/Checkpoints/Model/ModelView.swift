/// A checkpoint in model terms: every tensor at its place, whatever the library that wrote it calls it.
public struct ModelView: Sendable {
  /// The checkpoint.
  public let checkpoint: Checkpoint
  /// Whose names the tensors have; nil where no table knows any of them.
  public let adapter: NameAdapter?
  /// In the order in which data pass them.
  public let tensors: [ModelTensor]
  /// Tensors that the adapter does not know, under their own names, in the order of the file.
  public let unknown: [TensorInfo]
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
    let adapter = adapter ?? NameAdapter.best(for: checkpoint.tensors)
    var placing = TensorPlacing(checkpoint.path)
    if let adapter { try placing.place(checkpoint.tensors, by: adapter) }
    self.checkpoint = checkpoint
    self.adapter = adapter
    tensors = PassOrder(isPreLN: placing.isPreLN(adapter)).sorted(placing.placed)
    unknown = adapter == nil ? checkpoint.tensors : placing.unknown
    bookkeeping = placing.bookkeeping
    notes = placing.notes(adapter)
    // Counted, not taken from the largest number, which may be any.
    layerCount = TensorPlace.Stack.allCases.map { placing.layers[$0]?.count ?? 0 }.max() ?? 0
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

/// Distributes tensors over places.
private struct TensorPlacing {
  let path: String
  private(set) var placed: [ModelTensor] = []
  private(set) var unknown: [TensorInfo] = []
  private(set) var bookkeeping: [TensorInfo] = []
  private(set) var layers: [TensorPlace.Stack: Set<Int>] = [:]
  private var taken: Set<TensorPlace> = []

  init(_ path: String) { self.path = path }

  mutating func place(_ tensors: [TensorInfo], by adapter: NameAdapter) throws(CheckpointError) {
    var fused: [(TensorInfo, CompiledRule.Match)] = []
    var strange: Set<String> = []
    for tensor in tensors {
      if let match = adapter.match(tensor.name) {
        // Parts that are there by themselves win over a fused tensor of the same parts.
        if match.rule.names.count > 1 {
          fused.append((tensor, match))
        } else if !(try place(tensor, match)) {
          strange.insert(tensor.name)
        }
      } else if adapter.isBookkeeping(tensor.name) {
        bookkeeping.append(tensor)
      } else {
        strange.insert(tensor.name)
      }
    }
    for (tensor, match) in fused where !(try place(tensor, match)) { strange.insert(tensor.name) }
    unknown = tensors.filter { strange.contains($0.name) }
  }

  /// - Returns: false where another tensor has one of the places already.
  private mutating func place(
    _ tensor: TensorInfo, _ match: CompiledRule.Match
  ) throws(CheckpointError) -> Bool {
    let rule = match.rule
    let places = rule.names.map { TensorPlace(stack: rule.stack, layer: match.layer, name: $0) }
    guard taken.isDisjoint(with: places) else { return false }
    for (index, place) in places.enumerated() {
      guard
        let part = ModelTensor(
          place, tensor, part: index, of: places.count, isTransposed: rule.isTransposed,
          isGainStoredMinusOne: rule.isGainStoredMinusOne)
      else {
        throw CheckpointError(
          path: path,
          problem:
            "\(tensor.name) has shape \(tensor.shape), which cannot be cut into \(places.count) equal parts: "
            + rule.names.joined(separator: ", "))
      }
      placed.append(part)
    }
    taken.formUnion(places)
    if let layer = match.layer { layers[rule.stack, default: []].insert(layer) }
    return true
  }

  func isPreLN(_ adapter: NameAdapter?) -> Bool {
    switch adapter?.order {
    case .preLN, nil: true
    case .postLN: false
    case .preLNWithFinalNorm(let name):
      placed.contains { $0.place.layer == nil && $0.place.name.hasSuffix(name) }
    }
  }

  func notes(_ adapter: NameAdapter?) -> [String] {
    guard let adapter else { return ["no known library names its tensors like this"] }
    let names = Set(placed.map(\.place.name))
    return adapter.traps.filter { names.contains($0.name) }.map { "\(adapter.title): \($0.note)" }
  }
}
