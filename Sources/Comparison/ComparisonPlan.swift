import Architecture
import Analysis
import Checkpoints
import RunData

/// Which tensors of some checkpoints belong together, and how they are read.
struct ComparisonPlan {
  /// How the elements of a tensor are compared.
  enum Elements {
    /// As float32, which holds every element of all sides.
    case floats
    /// As float64.
    case doubles
    /// For equality only.
    case bits
  }

  /// A tensor that at least two sides have in one shape.
  struct Tensor {
    let label: TensorLabel
    let shape: [Int]
    let elements: Elements
    /// By side; nil where a side has none, or one that cannot be compared with the first's.
    let sides: [SideTensor?]
    /// Whether it is another tensor's elements once more, on every side.
    let isTiedCopy: Bool

    var elementCount: Int { shape.reduce(1, *) }
  }

  let tensors: [Tensor]
  private(set) var findings: [Finding.Single] = []

  /// Findings are made for the first two sides.
  init(_ sides: [ComparisonSide]) {
    let indexed = sides.map { side in
      Dictionary(side.tensors.map { ($0.label, $0) }, uniquingKeysWith: { first, _ in first })
    }
    var order: [TensorLabel] = []
    var seen: Set<TensorLabel> = []
    for tensor in sides.flatMap(\.tensors) where seen.insert(tensor.label).inserted {
      order.append(tensor.label)
    }
    let copies = sides.map(Self.tiedCopies)
    var findings: [Finding.Single] = []
    tensors = order.compactMap { label in
      let own = indexed.map { $0[label] }
      let isCopy = zip(own, copies).allSatisfy { $0.0 == nil || $0.1.contains(label) }
      return Self.matched(label, own, sides, isTiedCopy: isCopy, &findings)
    }
    self.findings = findings + Self.findingsOfTheWhole(sides, copies)
  }

  private static func matched(
    _ label: TensorLabel, _ own: [SideTensor?], _ sides: [ComparisonSide], isTiedCopy: Bool,
    _ findings: inout [Finding.Single]
  ) -> Tensor? {
    guard let reference = own.compactMap({ $0 }).first else { return nil }
    if own[0] == nil, !sides[0].holdsOnlyScales {
      let detail = sides[0].hasLayer(of: label) ? "\(reference.shape)" : Finding.Single.wholeLayer
      findings.append(Finding.Single(.onlyInSecond, label, detail))
    }
    var usable = own
    for (index, tensor) in own.enumerated().dropFirst() {
      let isPair = index == 1
      guard let tensor else {
        if isPair, own[0] != nil, !sides[1].holdsOnlyScales {
          let detail = sides[1].hasLayer(of: label) ? "\(reference.shape)" : Finding.Single.wholeLayer
          findings.append(Finding.Single(.onlyInFirst, label, detail))
        }
        continue
      }
      guard let problem = Self.problem(reference, tensor) else {
        if isPair, own[0] != nil { findings += remarks(label, reference, tensor) }
        continue
      }
      if isPair { findings.append(Finding.Single(problem.0, label, problem.1)) }
      usable[index] = nil
    }
    let present = usable.compactMap { $0 }
    guard present.count > 1 else { return nil }
    return Tensor(
      label: label, shape: reference.shape, elements: elements(present), sides: usable, isTiedCopy: isTiedCopy
    )
  }

  private static func elements(_ tensors: [SideTensor]) -> Elements {
    guard tensors[0].info.type.isReadable else { return .bits }
    return tensors.allSatisfy(\.fitsFloat) ? .floats : .doubles
  }

  /// Why two tensors of one name cannot be compared.
  private static func problem(_ one: SideTensor, _ other: SideTensor) -> (Finding.Kind, String)? {
    guard one.shape == other.shape else { return (.shape, "\(one.shape) and \(other.shape)") }
    let types = (one.info.type, other.info.type)
    if types.0.isReadable, types.1.isReadable { return nil }
    guard types.0 == types.1 else {
      return (.incomparable, "\(types.0.rawValue) and \(types.1.rawValue)")
    }
    guard types.0.bitCount.isMultiple(of: 8) else {
      return (.incomparable, "\(types.0.rawValue), packed to less than a byte")
    }
    return nil
  }

  /// What differs between two tensors that can be compared.
  private static func remarks(
    _ label: TensorLabel, _ one: SideTensor, _ other: SideTensor
  ) -> [Finding.Single] {
    var remarks: [Finding.Single] = []
    if one.info.type != other.info.type {
      remarks.append(
        Finding.Single(.type, label, "\(one.info.type.rawValue) and \(other.info.type.rawValue)"))
    }
    if one.isGainStoredMinusOne != other.isGainStoredMinusOne {
      let side = one.isGainStoredMinusOne ? "A" : "B"
      remarks.append(
        Finding.Single(.gains, label, "\(side) stores them minus one; compared as they multiply"))
    }
    if let (first, second) = one.placed.flatMap({ one in other.placed.map { (one, $0) } }) {
      let (a, b) = (layoutText(first), layoutText(second))
      if a != b { remarks.append(Finding.Single(.layout, label, "\(a) in A, \(b) in B")) }
    }
    return remarks
  }

  private static func layoutText(_ tensor: ModelTensor) -> String {
    let orientation = tensor.isTransposed ? "(inputs, outputs)" : "(outputs, inputs)"
    switch tensor.part {
    case .whole: return tensor.shape.count > 1 ? orientation : "by itself"
    case .rows, .columns: return tensor.shape.count > 1 ? "fused, \(orientation)" : "fused"
    case .interleaved: return tensor.shape.count > 1 ? "fused by head, \(orientation)" : "fused by head"
    }
  }

  /// Tensors that are another's elements once more, with that one left out.
  private static func tiedCopies(_ side: ComparisonSide) -> Set<TensorLabel> {
    let byName = Dictionary(grouping: side.tensors, by: \.info.name)
    return Set(
      side.view.checkpoint.tiedTensors.flatMap { group in
        // The first in the order in which data pass them stays.
        let labels = group.flatMap { byName[$0.name]?.map(\.label) ?? [] }
        let first = side.tensors.first { labels.contains($0.label) }?.label
        return labels.filter { $0 != first }
      })
  }

  private static func findingsOfTheWhole(
    _ sides: [ComparisonSide], _ copies: [Set<TensorLabel>]
  ) -> [Finding.Single] {
    guard sides.count > 1 else { return [] }
    var result: [Finding.Single] = []
    let names = sides[..<2].map { $0.view.adapter?.title ?? "no known library" }
    if names[0] != names[1] {
      result.append(Finding.Single(.names, nil, "A has the names of \(names[0]), B of \(names[1])"))
    }
    let placements = sides[..<2].map { side in
      side.view.checkpoint.metadata[CheckpointMetadataKey.headScalePlacement]
        ?? side.view.adapter?.headScalePlacement?.rawValue ?? "unknown"
    }
    let hasHeadScales = sides[..<2].allSatisfy { side in
      side.tensors.contains { GainName.isHeadScale($0.label.operation, shape: $0.shape) }
    }
    if hasHeadScales, placements[0] != placements[1] {
      result.append(Finding.Single(.headScale, nil, "placement \(placements[0]) in A, \(placements[1]) in B"))
    }
    for (index, other, text) in [(0, 1, "A"), (1, 0, "B")] {
      let here = Set(sides[other].tensors.map(\.label))
      for label in sides[index].tensors.map(\.label)
      where copies[index].contains(label) && !copies[other].contains(label) && here.contains(label) {
        result.append(Finding.Single(.tied, label, "in \(text) only"))
      }
    }
    return result
  }
}
