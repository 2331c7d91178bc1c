import Kernels

/// How tensors are put together in a table.
public enum Grouping: String, Sendable, CaseIterable {
  /// One row a layer.
  case layer
  /// One row an operation, over all layers.
  case operation
  /// One row a tensor, the largest relative difference first.
  case change
}

/// Tensors whose sums are merged to one row of a table.
struct ComparedGroup {
  /// The layer; empty where it has no one layer.
  let layer: String
  /// The name within the layer, or the full name; empty where it has no one name.
  let operation: String
  /// The tensor's full name; empty where it has several.
  let fullName: String
  /// Its tensors, without copies of each other.
  let members: [Measurement.Tensor]

  var tensorCount: Int { members.count }
  var elementCount: Int { members.reduce(0) { $0 + $1.shape.reduce(1, *) } }
  var hasNumbers: Bool { members.contains(where: \.isNumeric) }

  /// Sums over the members that this pair has: of numbers where there are any, else of bits.
  ///
  /// Merged element sums, so that every tensor weighs by its elements; nil where the pair has none of them.
  func sums(pair: Int) -> PairSums? {
    let chosen = members.filter { $0.isNumeric == hasNumbers }.compactMap { $0.sums[pair] }
    guard let first = chosen.first else { return nil }
    var merged = chosen.dropFirst().reduce(first) { $0.merged(with: $1) }
    // Which element it is, only its own tensor can say.
    merged.largestIndex = nil
    return merged
  }

  /// What is shown of a pair; nil where the pair has none of the members.
  func statistics(pair: Int) -> PairStatistics? {
    sums(pair: pair).map { PairStatistics($0, hasNumbers: hasNumbers) }
  }

  /// The tensor and the index in it, along each dimension, of the largest difference; nil where nothing differs.
  func largestDifference(pair: Int) -> (label: TensorLabel, index: [Int])? {
    var found: (tensor: Measurement.Tensor, sums: PairSums)?
    for member in members where member.isNumeric {
      guard let sums = member.sums[pair], sums.largestIndex != nil else { continue }
      if found.map({ sums.exceeds($0.sums) }) ?? true { found = (member, sums) }
    }
    guard let found, let index = found.sums.largestIndex else { return nil }
    return (found.tensor.label, found.tensor.shape.coordinates(of: index))
  }

  /// Elements with the same bits as a share of all, integers among them.
  func unchangedShare(pair: Int) -> Double {
    let all = members.compactMap { $0.sums[pair] }
    let count = all.reduce(0) { $0 + $1.count }
    return count == 0 ? .nan : Double(all.reduce(0) { $0 + $1.unchanged }) / Double(count)
  }
}

extension [Int] {
  /// The index along each dimension of an element counted in C order.
  func coordinates(of element: Int) -> [Int] {
    var rest = element
    return reversed().map { size in
      defer { rest /= Swift.max(size, 1) }
      return rest % Swift.max(size, 1)
    }.reversed()
  }
}

extension Measurement {
  /// The tensors in groups, in the order in which data pass them; ``Grouping/change`` is not sorted yet.
  func groups(by grouping: Grouping) -> [ComparedGroup] {
    guard grouping != .change else { return tensors.map { group([$0]) } }
    var order: [String] = []
    var members: [String: [Tensor]] = [:]
    for tensor in tensors where !tensor.isTiedCopy {
      let key = grouping == .layer ? layerTitle(tensor.label) : operationTitle(tensor.label)
      if members[key] == nil { order.append(key) }
      members[key, default: []].append(tensor)
    }
    if grouping == .layer, let outside = order.firstIndex(of: Self.outside) {
      order.append(order.remove(at: outside))
    }
    return order.map { key in
      ComparedGroup(
        layer: grouping == .layer ? key : "", operation: grouping == .operation ? key : "", fullName: "",
        members: members[key] ?? [])
    }
  }

  /// All tensors as one group.
  var whole: ComparedGroup {
    ComparedGroup(layer: "all", operation: "all", fullName: "", members: tensors.filter { !$0.isTiedCopy })
  }

  private func group(_ members: [Tensor]) -> ComparedGroup {
    ComparedGroup(
      layer: members[0].label.layer == nil ? "" : layerTitle(members[0].label),
      operation: operationTitle(members[0].label), fullName: members[0].label.fullName, members: members)
  }

  /// The layer of what lies in none.
  static let outside = "outside"

  /// The stacks that have layers, in order.
  var stacks: [String] {
    var result: [String] = []
    for label in tensors.map(\.label) where label.layer != nil && !result.contains(label.stack) {
      result.append(label.stack)
    }
    return result
  }

  /// `3`, or `decoder 3` where there are several stacks.
  func layerTitle(_ label: TensorLabel) -> String {
    guard let layer = label.layer else { return Self.outside }
    return stacks.count > 1 ? "\(label.stack) \(layer)" : "\(layer)"
  }

  /// The name within the layer; outside the layers the full name, without the stack where there is only one.
  private func operationTitle(_ label: TensorLabel) -> String {
    guard label.isPlace, label.layer == nil, stacks == [label.stack] else { return label.operation }
    return String(label.operation.trimmingPrefix(label.stack + "."))
  }
}
