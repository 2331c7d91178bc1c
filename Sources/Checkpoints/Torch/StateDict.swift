/// Finds the weights among what a training script saved: the state dict, under whatever key, with its tensors by name.
struct StateDict {
  private let objects: PickleObjects
  /// Names and tensors, in the order of the file.
  private(set) var tensors: [(name: String, tensor: TorchTensor)] = []
  private var names: Set<String> = []
  private var visitCount = 0

  /// Keys under which scripts keep a model's weights, the likelier first.
  private static let keys = [
    "model", "state_dict", "model_state_dict", "module", "model_state", "net", "network", "weights", "params",
    "parameters", "generator", "ema", "model_ema",
  ]
  private static let maximumDepth = 8
  private static let maximumTensorCount = 1_000_000
  private static let maximumVisitCount = 4_000_000

  /// - Throws: where there is no state dict, or a tensor of it cannot be read.
  init(_ objects: PickleObjects, path: String) throws(CheckpointError) {
    self.objects = objects
    guard let dict = Self.find(objects.root, in: objects, depth: 0) else {
      throw CheckpointError(
        path: path, problem: "holds no tensors by name\(Self.description(objects))",
        advice: "Save the model's state_dict()")
    }
    try collect(dict, prefix: "", depth: 0, path: path)
  }

  /// The state dict in a value: under a known key, or the value itself, or the only dict with tensors in it.
  private static func find(
    _ reference: PickleObjects.Reference, in objects: PickleObjects, depth: Int
  ) -> PickleObjects.Reference? {
    guard depth < 4, let pairs = objects.pairs(reference) else { return nil }
    for key in keys {
      if let value = pairs.last(where: { objects.text($0.key) == key })?.value,
        let found = find(value, in: objects, depth: depth + 1)
      {
        return found
      }
    }
    return pairs.contains { isTensor($0.value, objects) } || isNestedStateDict(pairs, objects)
      ? reference : nil
  }

  /// Whether dicts of tensors, or dicts of those, hold the tensors: `{"fc1": {"weight": ...}}`.
  private static func isNestedStateDict(
    _ pairs: [(key: PickleObjects.Reference, value: PickleObjects.Reference)], _ objects: PickleObjects
  ) -> Bool {
    let dicts = pairs.compactMap { objects.pairs($0.value) }
    return dicts.contains { $0.contains { isTensor($0.value, objects) } }
      || dicts.contains { dict in
        dict.contains { pair in (objects.pairs(pair.value) ?? []).contains { isTensor($0.value, objects) } }
      }
  }

  private static func isTensor(_ reference: PickleObjects.Reference, _ objects: PickleObjects) -> Bool {
    do throws(TorchTensorError) {
      return try TorchTensor.found(reference, in: objects) != nil
    } catch {
      return true
    }
  }

  private mutating func collect(
    _ dict: PickleObjects.Reference, prefix: String, depth: Int, path: String
  ) throws(CheckpointError) {
    for (key, value) in objects.pairs(dict) ?? [] {
      visitCount += 1
      // Dicts may be shared, and so be many more when they are walked than when they are stored.
      guard visitCount <= Self.maximumVisitCount, depth < Self.maximumDepth else {
        throw CheckpointError(path: path, problem: "its dicts are nested too deep")
      }
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
      if objects.pairs(value) != nil { try collect(value, prefix: name + ".", depth: depth + 1, path: path) }
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
