/// A stack of layers beside the one that fills a run file's grid: an encoder beside its decoder, a vision tower beside its language
/// model. Its tensors lie outside that grid, under their full names.
public struct StackLayout: Equatable, Sendable {
  /// The stack's name: `encoder`, or what stands before the numbers in the model's own names.
  public let name: String
  /// Its layers and tensors, as if they filled the grid; the other tensors outside the layers stay outside.
  public let gradients: GradientLayout
  /// For each cell of its grid, which of the file's stem tensors it is; nil where a layer has no such tensor.
  public let stemIndices: [Int?]
  /// For each of its stem tensors, which of the file's it is.
  public let otherStemIndices: [Int]
}

extension GradientLayout {
  /// What the stack in the grid is called.
  public var stackName: String {
    let parts = (layerNames.first ?? "").split(separator: ".")
    let number = parts.last.flatMap { wholeNumber($0) }
    return Self.title(parts.dropLast(number == nil ? 0 : 1).joined(separator: "."))
  }

  /// The other stacks, in the order of their tensors.
  public var otherStacks: [StackLayout] {
    let names = NumberedNames(stemTensorNames, hasLayers: true)
    var order: [String] = []
    var members: [String: [(index: Int, name: NumberedName)]] = [:]
    for (index, name) in stemTensorNames.enumerated() {
      guard let name = names[name] else { continue }
      if members[name.stack] == nil { order.append(name.stack) }
      members[name.stack, default: []].append((index, name))
    }
    return order.map { stackLayout($0, members[$0] ?? []) }
  }

  private func stackLayout(_ stack: String, _ members: [(index: Int, name: NumberedName)]) -> StackLayout {
    let layers = Set(members.map(\.name.layer)).sorted()
    var tensors: [String] = []
    for (_, name) in members where !tensors.contains(name.tail) { tensors.append(name.tail) }
    let rows = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1, $0) })
    let columns = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1, $0) })
    var cells = [Int?](repeating: nil, count: layers.count * tensors.count)
    for (index, name) in members {
      guard let row = rows[name.layer], let column = columns[name.tail] else { continue }
      cells[row * tensors.count + column] = index
    }
    let own = Set(members.map(\.index))
    let others = stemTensorNames.indices.filter { !own.contains($0) }
    return StackLayout(
      name: Self.title(stack),
      gradients: GradientLayout(
        layerNames: layers.map { stack.isEmpty ? "\($0)" : "\(stack).\($0)" }, tensorNames: tensors,
        stemTensorNames: others.map { stemTensorNames[$0] },
        elementCounts: cells.map { $0.map { stemElementCounts[$0] } ?? 0 },
        stemElementCounts: others.map { stemElementCounts[$0] },
        isZeroByConstruction: cells.map { $0.map { stemIsZeroByConstruction[$0] } ?? false },
        stemIsZeroByConstruction: others.map { stemIsZeroByConstruction[$0] }),
      stemIndices: cells, otherStemIndices: others)
  }

  /// fairseq's `encoder.layers` is the encoder; other names stay whole.
  private static func title(_ stack: String) -> String {
    ["encoder", "decoder"].first { stack == "\($0).layers" } ?? stack
  }
}
