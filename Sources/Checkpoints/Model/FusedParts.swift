/// How the parts of a fused tensor lie along one dimension.
enum Fusion: String, Codable, Sendable {
  /// One after the other, of equal size.
  case equal
  /// Queries, keys, values one after the other; of the queries there are as many as the output projection has inputs.
  case queries
  /// By group of heads that share keys and values: its queries, its keys, its values.
  case heads
  /// Equal parts, each as wide as the next projection's inputs; or the last part alone.
  case gated
  /// One index of each in turn.
  case alternating
}

/// Some indices of one dimension: of every stretch of `period`, the `length` ones from `offset` on.
struct Cut: Equatable, Sendable {
  let dimension: Int
  let period: Int
  let offset: Int
  let length: Int
}

/// What is known of a fused tensor beside its shape.
struct FusionFacts {
  /// Inputs of the projection that takes the queries' heads, or the FFN's hidden values; nil where it is not there.
  var inputs: Int?
  /// Attention heads of a layer; nil where nobody says.
  var headCount: Int?
}

extension Fusion {
  /// Where the parts lie; nil where that is not certain. For ``gated``, none where the tensor is its last part alone.
  func cuts(_ count: Int, of shape: [Int], dimension: Int, _ facts: FusionFacts) -> [Cut]? {
    guard shape.indices.contains(dimension), shape[dimension] > 0 else { return nil }
    let size = shape[dimension]
    switch self {
    case .queries, .heads: return queryCuts(size, dimension, facts)
    case .gated where size == facts.inputs: return []
    case .gated where size != count * (facts.inputs ?? 0): return nil
    case .equal, .gated, .alternating:
      guard size.isMultiple(of: count) else { return nil }
      return (0..<count).map { part in
        self == .alternating
          ? Cut(dimension: dimension, period: count, offset: part, length: 1)
          : Cut(dimension: dimension, period: size, offset: part * (size / count), length: size / count)
      }
    }
  }

  private func queryCuts(_ size: Int, _ dimension: Int, _ facts: FusionFacts) -> [Cut]? {
    guard let queries = facts.inputs, queries > 0, queries < size, (size - queries).isMultiple(of: 2) else {
      return nil
    }
    let keys = (size - queries) / 2
    var groups = 1
    if self == .heads {
      guard let heads = facts.headCount, heads > 0, queries.isMultiple(of: heads),
        keys.isMultiple(of: queries / heads)
      else { return nil }
      groups = keys / (queries / heads)
      guard heads.isMultiple(of: groups) else { return nil }
    }
    let lengths = [queries / groups, keys / groups, keys / groups]
    return zip([0, lengths[0], lengths[0] + lengths[1]], lengths).map {
      Cut(dimension: dimension, period: size / groups, offset: $0, length: $1)
    }
  }
}
