/// Distributes tensors over places.
struct TensorPlacing {
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
      let name = StoredName(tensor.name)
      if let match = adapter.match(name) {
        // Parts that are there by themselves win over a fused tensor of the same parts.
        if match.rule.names.count > 1 {
          fused.append((tensor, match))
        } else if !(try place(tensor, match)) {
          strange.insert(tensor.name)
        }
      } else if adapter.isBookkeeping(name) {
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
          isGainStoredMinusOne: rule.isGainStoredMinusOne, isVector: rule.isVector)
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
    case .preLNWithFinalNorm:
      placed.contains { $0.place.name == "\($0.place.stack.rawValue).layer_norm.weight" }
    }
  }

  func notes(_ adapter: NameAdapter?, stated metadata: [String: String]) -> [String] {
    guard let adapter else { return ["no known library names its tensors like this"] }
    let names = Set(placed.map(\.place.name))
    let traps = adapter.traps.filter { trap in
      names.contains(trap.name) && trap.unlessStated.map { metadata[$0] == nil } ?? true
    }
    return traps.map { "\(adapter.title): \($0.note)" }
  }
}
