import Analysis

/// Something about two checkpoints that no number says.
public struct Finding: Equatable, Sendable {
  /// What kind of difference it is, in the order in which they are listed.
  public enum Kind: Int, Sendable, CaseIterable {
    /// Tensors that only the first has.
    case onlyInFirst
    /// Tensors that only the second has.
    case onlyInSecond
    /// Tensors of different shapes.
    case shape
    /// Tensors whose elements cannot be compared: floats with integers, or packed ones.
    case incomparable
    /// Tensors whose elements are stored as different types; their numbers are compared.
    case type
    /// Tensors that are one on one side only.
    case tied
    /// Tensors stored transposed, or in a fused one, on one side only; compared in one orientation.
    case layout
    /// Gains stored as their difference from one on one side only; compared as they multiply.
    case gains
    /// γ multiplies something else in one library than in the other.
    case headScale
    /// Names of different libraries.
    case names
    /// Elements that are infinite or not a number.
    case nonfinite

    /// The kind in words.
    public var title: String {
      switch self {
      case .onlyInFirst: "only in A"
      case .onlyInSecond: "only in B"
      case .shape: "shape"
      case .incomparable: "not comparable"
      case .type: "type"
      case .tied: "tied"
      case .layout: "layout"
      case .gains: "gains"
      case .headScale: "HeadScale"
      case .names: "names"
      case .nonfinite: "not finite"
      }
    }

    /// Whether tensors of this kind have no numbers to compare.
    public var excludes: Bool { rawValue <= Kind.incomparable.rawValue }
  }

  /// What kind of difference it is.
  public let kind: Kind
  /// The tensors concerned; empty where it is about the whole.
  public let labels: [TensorLabel]
  /// Particulars, the same for all the tensors, e.g. both shapes.
  public let detail: String
}

extension Finding {
  /// A finding about one tensor, or about the whole.
  struct Single {
    let kind: Kind
    let label: TensorLabel?
    let detail: String

    /// The detail of tensors in a layer that the other side has not got at all.
    static let wholeLayer = "whole layers"

    init(_ kind: Kind, _ label: TensorLabel?, _ detail: String) {
      (self.kind, self.label, self.detail) = (kind, label, detail)
    }
  }

  /// The tensors in a few words: `fc1.weight, layers 0-3`.
  public var subject: String {
    guard let first = labels.first else { return "all tensors" }
    let operations = Set(labels.map(\.operation))
    guard operations.count == 1 else {
      return detail == Single.wholeLayer
        ? "all of \(layerList(Set(labels.compactMap(\.layer)).sorted()))"
        : "\(first.operation) and \(labels.count - 1) more tensors"
    }
    guard first.layer != nil else { return first.operation }
    return "\(first.operation), \(layerList(labels.compactMap(\.layer).sorted()))"
  }

  /// Puts findings that differ in nothing but the layer into one.
  static func grouped(_ single: [Single]) -> [Finding] {
    struct Group: Hashable {
      let kind: Kind
      let stack: String
      let operation: String
      let hasLayer: Bool
      let detail: String
    }
    var order: [Group] = []
    var members: [Group: [TensorLabel]] = [:]
    for one in single {
      let group = Group(
        kind: one.kind, stack: one.label?.stack ?? "",
        operation: one.detail == Single.wholeLayer ? "" : one.label?.operation ?? "",
        hasLayer: one.label?.layer != nil, detail: one.detail)
      if members[group] == nil { order.append(group) }
      members[group, default: []] += one.label.map { [$0] } ?? []
    }
    let found = order.map { Finding(kind: $0.kind, labels: members[$0] ?? [], detail: $0.detail) }
    return Kind.allCases.flatMap { kind in gathered(found.filter { $0.kind == kind }) }
  }

  /// Findings of one kind, with those of one detail in one where they would fill a screen: another type of element in
  /// every tensor is one fact.
  private static func gathered(_ findings: [Finding]) -> [Finding] {
    var order: [String] = []
    for finding in findings where !order.contains(finding.detail) { order.append(finding.detail) }
    return order.flatMap { detail in
      let same = findings.filter { $0.detail == detail }
      guard same.count > mostOfOneDetail, let first = same.first else { return same }
      return [Finding(kind: first.kind, labels: same.flatMap(\.labels), detail: detail)]
    }
  }

  /// Operations that are listed one by one though the same is said of each.
  private static let mostOfOneDetail = 4
}
