/// Finds the weights among what a training script saved: the state dict, under whatever key, with its tensors by name.
struct StateDict {
  private let objects: PickleObjects
  private let path: String
  /// Names and tensors, in the order of the file.
  private(set) var tensors: [(name: String, tensor: TorchTensor)] = []
  private var names: Set<String> = []
  private var visitCount = 0

  /// Keys under which scripts keep a model's weights, the likelier first.
  static let keys = [
    "model", "state_dict", "model_state_dict", "module", "model_state", "net", "network", "weights", "params",
    "parameters", "generator", "ema", "model_ema",
  ]
  private static let maximumDepth = 8
  private static let maximumTensorCount = 1_000_000
  private static let maximumVisitCount = 4_000_000

  /// - Throws: where there is no state dict, or a tensor of it cannot be read.
  init(_ objects: PickleObjects, path: String) throws(CheckpointError) {
    self.objects = objects
    self.path = path
    guard let dict = try find(objects.root, depth: 0) else {
      throw CheckpointError(
        path: path, problem: "holds no tensors by name\(Self.description(objects))",
        advice: "Save the model's state_dict()")
    }
    try collect(dict, prefix: "", depth: 0)
  }

  /// The pairs of a dict, each counted: dicts may be shared, and so be many more when they are walked than when they
  /// are stored.
  private mutating func visit(
    _ reference: PickleObjects.Reference
  ) throws(CheckpointError) -> [(key: PickleObjects.Reference, value: PickleObjects.Reference)]? {
    visitCount += 1 + objects.itemCount(reference)
    guard visitCount <= Self.maximumVisitCount else {
      throw CheckpointError(path: path, problem: "its dicts share their parts too often")
    }
    return objects.pairs(reference)
  }

  /// The state dict in a value: under a known key, or the value itself where it holds tensors.
  private mutating func find(
    _ reference: PickleObjects.Reference, depth: Int
  ) throws(CheckpointError) -> PickleObjects.Reference? {
    guard depth < 4, let pairs = try visit(reference) else { return nil }
    var candidates: [String: PickleObjects.Reference] = [:]
    for pair in pairs {
      if let key = objects.text(pair.key), Self.keys.contains(key) { candidates[key] = pair.value }
    }
    for key in Self.keys {
      if let value = candidates[key], let found = try find(value, depth: depth + 1) { return found }
    }
    return try holdsTensors(pairs, depth: 0) ? reference : nil
  }

  /// Whether there are tensors, or dicts of them two deep at most: `{"fc1": {"weight": ...}}`.
  private mutating func holdsTensors(
    _ pairs: [(key: PickleObjects.Reference, value: PickleObjects.Reference)], depth: Int
  ) throws(CheckpointError) -> Bool {
    if pairs.contains(where: { isTensor($0.value) }) { return true }
    guard depth < 2 else { return false }
    for pair in pairs {
      if let inner = try visit(pair.value), try holdsTensors(inner, depth: depth + 1) { return true }
    }
    return false
  }

  private func isTensor(_ reference: PickleObjects.Reference) -> Bool {
    do throws(TorchTensorError) {
      return try TorchTensor.found(reference, in: objects) != nil
    } catch {
      return true
    }
  }

  private mutating func collect(
    _ dict: PickleObjects.Reference, prefix: String, depth: Int
  ) throws(CheckpointError) {
    guard let pairs = try visit(dict) else { return }
    guard depth < Self.maximumDepth else {
      throw CheckpointError(path: path, problem: "its dicts are nested deeper than \(Self.maximumDepth)")
    }
    for (key, value) in pairs {
      guard let key = objects.text(key) ?? objects.int(key).map(String.init) else { continue }
      let name = prefix + key
      do throws(TorchTensorError) {
        if let tensor = try TorchTensor.found(value, in: objects) {
          try add(tensor, name)
          continue
        }
      } catch {
        throw CheckpointError(path: path, problem: "tensor \"\(name)\" \(error.problem)")
      }
      try collect(value, prefix: name + ".", depth: depth + 1)
    }
  }

  private mutating func add(_ tensor: TorchTensor, _ name: String) throws(TorchTensorError) {
    guard !name.isEmpty else { throw TorchTensorError(problem: "has no name") }
    guard names.insert(name).inserted else { throw TorchTensorError(problem: "occurs twice") }
    guard names.count <= Self.maximumTensorCount else {
      throw TorchTensorError(problem: "is more than the \(Self.maximumTensorCount)th")
    }
    tensors.append((name, tensor))
  }

  /// What is there instead of a state dict.
  private static func description(_ objects: PickleObjects) -> String {
    if let pairs = objects.pairs(objects.root) {
      let keys = pairs.prefix(8).compactMap { objects.text($0.key) }.joined(separator: ", ")
      return keys.isEmpty ? "" : "; its keys are \(keys)"
    }
    if let (function, _) = objects.call(objects.root) { return ", but a whole object of class \(function)" }
    return ""
  }
}
