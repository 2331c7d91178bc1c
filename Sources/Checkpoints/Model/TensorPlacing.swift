import RunData

/// Distributes tensors over places.
struct TensorPlacing {
  private let path: String
  private let headCount: Int?
  private(set) var placed: [ModelTensor] = []
  private(set) var unknown: [TensorInfo] = []
  private(set) var ownPlaces: [String: OwnPlace] = [:]
  private(set) var bookkeeping: [TensorInfo] = []
  private(set) var layers: [TensorPlace.Stack: Set<Int>] = [:]
  private var remarks: [String] = []
  private var taken: Set<TensorPlace> = []
  private var strange: Set<String> = []

  /// - Parameter headCount: attention heads of a layer; nil where nobody says.
  init(_ path: String, headCount: Int?) {
    self.path = path
    self.headCount = headCount
  }

  /// A tensor, its name, and the rule that it follows.
  private struct Found {
    let tensor: TensorInfo
    let host: HostName
    let match: CompiledRule.Match
  }

  /// Places every tensor: by an adapter's rules, or by its own name.
  ///
  /// - Parameter isNamed: whether the caller names the adapter; else one that knows less than half of its layers is another library's.
  /// - Returns: whether the adapter is used.
  mutating func place(
    _ tensors: [TensorInfo], by adapter: NameAdapter?, isNamed: Bool
  ) throws(CheckpointError) -> Bool {
    let hosts = tensors.map { HostName(StoredName($0.name).bare) }
    let names = Set(hosts.map(\.host))
    let shapes = Dictionary(
      zip(hosts, tensors).filter(\.0.addition.isEmpty).map { ($0.host, $1.shape) },
      uniquingKeysWith: { first, _ in first })
    let found = zip(tensors, hosts).map { tensor, host in
      adapter?.match(StoredName(host.host), among: names).map { Found(tensor: tensor, host: host, match: $0) }
    }
    var stacks: [String: CompiledRule.Match] = [:]
    for case let found? in found { if let stack = found.match.storedStack { stacks[stack] = found.match } }
    let known = found.count { $0?.match.layer != nil }
    let joined = zip(found, hosts).count { $0 == nil && Self.inside($1.host, stacks) != nil }
    let isUsed = adapter != nil && (isNamed || (known > 0 ? known >= joined : !Self.haveLayers(hosts)))
    if isUsed, let adapter {
      try place(found, shapes, tensors, by: adapter)
    } else {
      strange = Set(tensors.map(\.name))
      stacks = [:]
    }
    unknown = tensors.filter { strange.contains($0.name) }
    placeByOwnNames(zip(tensors, hosts).filter { strange.contains($0.0.name) }, stacks)
    return isUsed
  }

  private static func haveLayers(_ hosts: [HostName]) -> Bool {
    let names = NumberedNames(hosts.map(\.host), hasLayers: true)
    return hosts.contains { names[$0.host] != nil }
  }

  private mutating func place(
    _ found: [Found?], _ shapes: [String: [Int]], _ tensors: [TensorInfo], by adapter: NameAdapter
  ) throws(CheckpointError) {
    var fused: [Found] = []
    var doubtful: Set<String> = []
    for (tensor, found) in zip(tensors, found) {
      guard let found else {
        let name = StoredName(HostName(StoredName(tensor.name).bare).host)
        if let match = adapter.match(name, among: nil), match.layer != nil {
          doubtful.insert(String(match.rule.pattern.trimmingPrefix { $0 != "}" }.dropFirst(2)))
        }
        if adapter.isBookkeeping(StoredName(tensor.name)) {
          bookkeeping.append(tensor)
        } else {
          strange.insert(tensor.name)
        }
        continue
      }
      // Parts that are there by themselves win over a fused tensor of the same parts.
      if found.match.rule.names.count > 1 {
        fused.append(found)
      } else {
        try place(found, shapes)
      }
    }
    for found in fused { try place(found, shapes) }
    remarks += doubtful.sorted().map {
      "\($0) keeps its name: what stands around it is not \(adapter.title)'s"
    }
  }

  /// Leaves the tensor under its own name where another one has one of the places already, or it cannot be cut for certain.
  private mutating func place(_ found: Found, _ shapes: [String: [Int]]) throws(CheckpointError) {
    let (tensor, match, rule) = (found.tensor, found.match, found.match.rule)
    guard let parts = try parts(of: found, shapes) else {
      strange.insert(tensor.name)
      return
    }
    let places = parts.map {
      TensorPlace(
        stack: rule.stack, layer: match.layer, name: found.host.named($0.name), expert: match.expert)
    }
    guard taken.isDisjoint(with: places) else {
      strange.insert(tensor.name)
      return
    }
    for (place, part) in zip(places, parts) {
      placed.append(
        ModelTensor(
          place, tensor, cut: part.cut, of: parts.count,
          isTransposed: rule.isTransposed && found.host.addition.isEmpty,
          isGainStoredMinusOne: rule.isGainStoredMinusOne, isVector: rule.isVector))
    }
    taken.formUnion(places)
    if let layer = match.layer { layers[rule.stack, default: []].insert(layer) }
  }

  /// Names and cuts of a tensor's parts; nil where it keeps its own name.
  private mutating func parts(
    of found: Found, _ shapes: [String: [Int]]
  ) throws(CheckpointError) -> [(name: String, cut: Cut?)]? {
    let (tensor, rule) = (found.tensor, found.match.rule)
    let whole = rule.whole.map { [(name: $0, cut: Cut?.none)] }
    guard found.host.addition.isEmpty else {
      return rule.names.count == 1 ? [(rule.names[0], nil)] : found.match.layer == nil ? nil : whole
    }
    guard rule.names.count > 1 else { return [(rule.names[0], nil)] }
    let dimension = rule.dimension ?? (rule.isTransposed && tensor.shape.count == 2 ? 1 : 0)
    let sibling = rule.sibling.flatMap { shapes[found.match.fullName($0)] }
    let facts = FusionFacts(
      inputs: rule.isTransposed ? sibling?.first : sibling?.last, headCount: headCount)
    guard tensor.type.bitCount.isMultiple(of: 8),
      let cuts = rule.fusion.cuts(rule.names.count, of: tensor.shape, dimension: dimension, facts)
    else {
      guard rule.fusion == .equal else {
        remarks.append("\(tensor.name) is left whole: how its parts lie is not certain")
        return whole
      }
      throw CheckpointError(
        path: path,
        problem:
          "\(tensor.name) has shape \(tensor.shape), which cannot be cut into \(rule.names.count) equal parts: "
          + rule.names.joined(separator: ", "))
    }
    return cuts.isEmpty ? [(rule.names[rule.names.count - 1], nil)] : zip(rule.names, cuts).map { ($0, $1) }
  }

  /// Places what no table knows: beside what one knows of the same layer, or in layers of its own.
  private mutating func placeByOwnNames(
    _ tensors: [(TensorInfo, HostName)], _ stacks: [String: CompiledRule.Match]
  ) {
    var rest: [(TensorInfo, HostName)] = []
    for (tensor, host) in tensors {
      guard let (match, number, tail) = Self.inside(host.host, stacks) else {
        rest.append((tensor, host))
        continue
      }
      let factor = match.factor
      ownPlaces[tensor.name] = OwnPlace(
        stack: match.rule.stack.rawValue, layer: number / factor,
        tail: host.named(factor == 1 ? tail : "\(number % factor).\(tail)"))
    }
    let own = NumberedNames(rest.map(\.1.host), hasLayers: !stacks.isEmpty)
    for (tensor, host) in rest {
      guard let place = own[host.host] else { continue }
      ownPlaces[tensor.name] = OwnPlace(stack: place.stack, layer: place.layer, tail: host.named(place.tail))
    }
  }

  /// The known tensor of the stack in whose layers a name lies, the layer's number as it is stored, and the rest.
  private static func inside(
    _ name: String, _ stacks: [String: CompiledRule.Match]
  ) -> (CompiledRule.Match, Int, String)? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    for index in parts.indices.dropLast() {
      guard let number = wholeNumber(parts[index]),
        let match = stacks[parts[..<index].joined(separator: ".")]
      else { continue }
      return (match, number, parts[(index + 1)...].joined(separator: "."))
    }
    return nil
  }

  func isPreLN(_ adapter: NameAdapter?) -> Bool {
    switch adapter?.order {
    case .preLN, nil: true
    case .postLN: false
    case .preLNWithFinalNorm:
      placed.contains { $0.place.name == "\($0.place.stack.rawValue).layer_norm.weight" }
    }
  }

  func notes(
    _ adapter: NameAdapter?, stated metadata: [String: String], saysHowGainsAreStored: Bool
  ) -> [String] {
    guard let adapter else { return ["no known library names its tensors like this"] }
    let names = Set(placed.map(\.place.name))
    let traps = adapter.traps.filter { trap in
      names.contains(trap.name) && trap.unlessStated.map { metadata[$0] == nil } ?? true
        && !(saysHowGainsAreStored && trap.isOfGains)
    }
    let more =
      remarks.count > 4 ? remarks.prefix(3) + ["the same holds of \(remarks.count - 3) more"] : remarks
    return traps.map { "\(adapter.title): \($0.note)" } + more
  }
}
