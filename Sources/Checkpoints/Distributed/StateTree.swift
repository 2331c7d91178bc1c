/// Finds a model's tensors among all that a training saved: by where in the saved state they stood.
struct StateTree {
  private let paths: [[String]]
  /// Where the model stands.
  private(set) var beginning: [String] = []

  /// What trainings call the state of an optimizer, whose tensors are not the model's.
  private static let optimizers: Set<String> = [
    "optim", "optimizer", "optimizers", "optimizer_state_dict", "optimizer_states", "lr_scheduler",
    "lr_schedulers",
    "dataloader", "train_state",
  ]

  /// - Parameter paths: of every tensor, none empty.
  init(_ paths: [[String]]) {
    self.paths = paths
    beginning = find([], paths, depth: 0)
  }

  /// The path of a full name that no file explains: its first component may be what the training called the model.
  static func path(ofName name: String) -> [String] {
    guard let dot = name.firstIndex(of: ".") else { return [name] }
    let first = String(name[..<dot])
    guard StateDict.keys.contains(first) || optimizers.contains(first) else { return [name] }
    return [first, String(name[name.index(after: dot)...])]
  }

  /// The name of a tensor within the model; nil where it is none of the model's.
  func name(_ path: [String]) -> String? {
    guard path.starts(with: beginning), path.count > beginning.count else { return nil }
    if Self.optimizers.contains(path[beginning.count]), path.count > beginning.count + 1 { return nil }
    return path[beginning.count...].joined(separator: ".")
  }

  /// Under the likeliest of the known keys; where tensors stand beside each other, there; else within the one part that has a known key.
  private func find(_ beginning: [String], _ own: [[String]], depth: Int) -> [String] {
    guard depth < 8 else { return beginning }
    let nested = Dictionary(grouping: own.filter { $0.count > beginning.count + 1 }) { $0[beginning.count] }
    for key in StateDict.keys {
      if let inner = nested[key] { return find(beginning + [key], inner, depth: depth + 1) }
    }
    guard !own.contains(where: { $0.count == beginning.count + 1 }) else { return beginning }
    let known = nested.filter { _, inner in
      inner.contains { $0.count > beginning.count + 2 && StateDict.keys.contains($0[beginning.count + 1]) }
    }
    guard known.count == 1, let (key, inner) = known.first else { return beginning }
    return find(beginning + [key], inner, depth: depth + 1)
  }
}
