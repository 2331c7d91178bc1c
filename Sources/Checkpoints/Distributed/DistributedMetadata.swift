/// What the `.metadata` of a `torch.distributed.checkpoint` folder states: tensors, their parts, and where these lie.
///
/// PyTorch itself unpickles this file and so runs whatever it names. Here it is read as inert values, and a name that has no business in
/// it is refused. Fields are those of `torch/distributed/checkpoint/metadata.py` and `filesystem.py`, PyTorch 2.
struct DistributedMetadata {
  /// A box of a tensor.
  struct Box: Hashable {
    var offsets: [Int]
    var sizes: [Int]
  }

  struct Tensor {
    var name: String
    /// PyTorch's name of the element type, e.g. `torch.float32`.
    var type: String
    var shape: [Int]
    var boxes: [Box]
  }

  /// A part of a tensor by where it begins.
  struct Key: Hashable {
    var name: String
    var offsets: [Int]
  }

  struct Place {
    var file: String
    var byteRange: Range<Int>
  }

  /// In the order of the file.
  private(set) var tensors: [Tensor] = []
  /// Where in the state dict each stood; empty where the file does not say.
  private(set) var paths: [String: [String]] = [:]
  private(set) var places: [Key: Place] = [:]

  private let objects: PickleObjects
  private static let module = "torch.distributed.checkpoint."
  private static let maximumRank = 64
  private static let maximumPathLength = 64

  init(_ objects: PickleObjects) throws(DistributedError) {
    self.objects = objects
    try Self.checkNames(objects)
    guard objects.call(objects.root)?.function == Self.module + "metadata.Metadata",
      let fields = fields(objects.root), let tensors = fields["state_dict_metadata"].flatMap(objects.pairs),
      let places = fields["storage_data"].flatMap(objects.pairs)
    else { throw DistributedError("is no Metadata of torch.distributed.checkpoint") }
    for (key, value) in tensors { try addTensor(key, value) }
    for (key, value) in fields["planner_data"].flatMap(objects.pairs) ?? [] {
      guard let name = objects.text(key), let path = objects.tuple(value),
        path.count <= Self.maximumPathLength
      else { continue }
      let parts = path.elements.compactMap { objects.text($0) ?? objects.int($0).map(String.init) }
      if parts.count == path.count, !parts.isEmpty { paths[name] = parts }
    }
    for (key, value) in places { try addPlace(key, value) }
  }

  /// Refuses names of anything but the values that a `.metadata` is made of.
  private static func checkNames(_ objects: PickleObjects) throws(DistributedError) {
    for index in objects.nodes.indices {
      let reference = PickleObjects.Reference(index)
      guard case .global = objects[reference] else { continue }
      let name = objects.global(reference) ?? "?"
      guard isKnown(name) else {
        throw DistributedError(
          "names \(name), which no .metadata needs",
          advice: "PyTorch would run it: do not load this folder there before you know where it comes from")
      }
    }
  }

  private static func isKnown(_ name: String) -> Bool {
    let plain = [
      "torch.Size", "torch.serialization._get_layout", "collections.OrderedDict", "collections.defaultdict",
      "builtins.dict", "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset",
      "builtins.bytearray",
    ]
    let isPath = name.hasPrefix("pathlib.") && name.hasSuffix("Path")
    let isElementType =
      name.hasPrefix("torch.") && name.split(separator: ".").count == 2
      && ["float", "bfloat", "int", "uint", "bool", "complex", "q", "bits"].contains {
        name.dropFirst(6).hasPrefix($0)
      }
    let ofPyTorch = [module + "metadata.", module + "filesystem.", "torch.distributed._shard."]
    return plain.contains(name) || isPath || isElementType || ofPyTorch.contains { name.hasPrefix($0) }
  }

  /// The attributes of an object.
  private func fields(_ reference: PickleObjects.Reference) -> [String: PickleObjects.Reference]? {
    guard let pairs = objects.state(reference).flatMap(objects.pairs), pairs.count <= 64 else { return nil }
    return Dictionary(pairs.compactMap { pair in objects.text(pair.key).map { ($0, pair.value) } }) { $1 }
  }

  /// A `torch.Size`, or a tuple of whole numbers.
  private func sizes(_ reference: PickleObjects.Reference?) -> [Int]? {
    guard let reference else { return nil }
    let inner: PickleObjects.Reference?
    if let (function, arguments) = objects.call(reference) {
      guard function == "torch.Size" else { return nil }
      // `torch.Size([])` may be called without arguments.
      guard arguments.count > 0 else { return [] }
      inner = arguments[0]
    } else {
      inner = reference
    }
    guard let tuple = inner.flatMap(objects.tuple), tuple.count <= Self.maximumRank else { return nil }
    let sizes = tuple.elements.compactMap(objects.int)
    return sizes.count == tuple.count && sizes.allSatisfy { $0 >= 0 } ? sizes : nil
  }

  private mutating func addTensor(
    _ key: PickleObjects.Reference, _ value: PickleObjects.Reference
  ) throws(DistributedError) {
    guard let name = objects.text(key), !name.isEmpty else {
      throw DistributedError("states a tensor without a name")
    }
    let function = objects.call(value)?.function ?? ""
    // What is no tensor, such as a learning rate, is stored as bytes.
    if function == Self.module + "metadata.BytesStorageMetadata" { return }
    guard function == Self.module + "metadata.TensorStorageMetadata", let fields = fields(value),
      let shape = sizes(fields["size"]), let type = fields["properties"].flatMap(elementType),
      let list = fields["chunks"], case .list = objects[list]
    else { throw DistributedError("states \"\(name)\" in a form that PyTorch does not write") }
    var boxes: [Box] = []
    for chunk in objects.items[list] ?? [] {
      guard let own = self.fields(chunk), let offsets = sizes(own["offsets"]), let sizes = sizes(own["sizes"])
      else {
        throw DistributedError("states a part of \"\(name)\" in a form that PyTorch does not write")
      }
      boxes.append(Box(offsets: offsets, sizes: sizes))
    }
    var elements = 1
    for size in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product < 1 << 56 else {
        throw DistributedError("states for \"\(name)\" a shape with more elements than any file holds")
      }
      elements = product
    }
    tensors.append(Tensor(name: name, type: type, shape: shape, boxes: boxes))
  }

  /// The element type of a `TensorProperties`: the first of its state's values.
  private func elementType(_ reference: PickleObjects.Reference) -> String? {
    guard let state = objects.state(reference) else { return nil }
    let type = objects.tuple(state)?.first ?? objects.value("dtype", in: state)
    return type.flatMap(objects.global)
  }

  private mutating func addPlace(
    _ key: PickleObjects.Reference, _ value: PickleObjects.Reference
  ) throws(DistributedError) {
    guard let index = fields(key), let name = index["fqn"].flatMap(objects.text), let info = fields(value),
      let file = info["relative_path"].flatMap(objects.text),
      let offset = info["offset"].flatMap(objects.int),
      let length = info["length"].flatMap(objects.int), offset >= 0, length >= 0, offset <= .max - length
    else { throw DistributedError("states where a part lies in a form that PyTorch does not write") }
    // Bytes of what is no tensor have no offsets.
    guard let offsets = sizes(index["offset"]) else { return }
    if let transforms = info["transform_descriptors"],
      objects.itemCount(transforms) > 0 || isFilled(transforms)
    {
      throw DistributedError(
        "says that \"\(name)\" is stored by way of an extension, such as a compression",
        advice: "Save it without extensions, or load it with PyTorch and save the model's state_dict()")
    }
    guard !file.isEmpty, !file.contains("/"), file != "..", file != ".", !file.utf8.contains(0) else {
      throw DistributedError("names \"\(file)\", which is no file of the folder")
    }
    let place = Place(file: file, byteRange: offset..<(offset + length))
    guard places.updateValue(place, forKey: Key(name: name, offsets: offsets)) == nil else {
      throw DistributedError("states twice where \"\(name)\" at \(offsets) lies")
    }
  }

  private func isFilled(_ reference: PickleObjects.Reference) -> Bool {
    objects.tuple(reference).map { $0.count > 0 } ?? false
  }
}

/// What is wrong with a `.metadata`, as the end of a sentence about it.
struct DistributedError: Error, Equatable {
  var problem: String
  var advice: String?

  init(_ problem: String, advice: String? = nil) {
    self.problem = problem
    self.advice = advice
  }
}
