import RunData

/// The operation that a mismatch is shown of, chosen among those that some runs have.
///
/// Asked for by its name, by a pattern (`*` stands for any characters, `?` for one), or not at all: then it is the paper's `fc2.weight`
/// where at least half of a run's layers have one, else the last large matrix of a layer.
public struct OperationChoice: Equatable, Sendable {
  /// The operation that is shown unless another is asked for, as in the paper.
  public static let usual = "fc2.weight"

  /// The operation, a name within a layer.
  public let operation: String
  /// What a reader has to know of the choice, a sentence without its full stop; nil where the operation was named or is the usual one.
  public let note: String?

  /// Chooses.
  /// - Parameters:
  ///   - asked: a name or a pattern; nil for the usual operation.
  ///   - layouts: what each run has recorded.
  ///   - trained: what of it trains at any step; nil for all. Nothing else is chosen unless it is named.
  /// - Throws: ``AnalysisError/noSuchOperation``; ``AnalysisError/ambiguousOperation`` where a pattern stands for several.
  public init(
    _ asked: String?, among layouts: [GradientLayout], trained: [GradientLayout]? = nil
  ) throws(AnalysisError) {
    var names: [String] = []
    for layout in layouts { names += layout.presentTensors.filter { !names.contains($0) } }
    guard let asked else {
      self.init(usualAmong: trained ?? layouts, recorded: layouts)
      return
    }
    // Without runs, and for an exact name, there is nothing to choose.
    guard !layouts.isEmpty, !names.contains(asked) else {
      self.init(operation: asked, note: nil)
      return
    }
    guard asked.contains(where: { "*?".contains($0) }) else {
      throw .noSuchOperation(name: asked, available: names)
    }
    let matches = names.filter { Self.matches($0, pattern: asked) }
    guard matches.count < 2 else { throw .ambiguousOperation(pattern: asked, matches: matches) }
    guard let match = matches.first else { throw .noSuchOperation(name: asked, available: names) }
    self.init(operation: match, note: "\(asked) stands for \(match)")
  }

  private init(operation: String, note: String?) {
    self.operation = operation
    self.note = note
  }

  private init(usualAmong layouts: [GradientLayout], recorded: [GradientLayout]) {
    let isUsual = layouts.contains { layout in
      let count = layout.layers(with: Self.usual).count
      return count > 0 && 2 * count >= layout.layerCount
    }
    guard !isUsual, let choice = Self.lastLargeMatrix(of: layouts) else {
      self.init(operation: Self.usual, note: nil)
      return
    }
    let few = layouts.contains { !$0.layers(with: Self.usual).isEmpty }
    let isFrozen = recorded != layouts && recorded.contains { !$0.layers(with: Self.usual).isEmpty }
    let verb = isFrozen ? (few ? "train" : "trains") : (few ? "have" : "has")
    let reason = "\(few ? "few layers" : "no layer") \(verb) \(Self.usual)"
    self.init(operation: choice, note: "\(reason): shown is \(choice), the last large matrix of a layer")
  }

  /// Of the tensors with at least half as many elements as the largest one of their layer, the last one that data pass of those that
  /// stand so in at least half of the layers, or in the most where none does; nil where no layer has any.
  private static func lastLargeMatrix(of layouts: [GradientLayout]) -> String? {
    var layerCounts: [String: Int] = [:]
    var order: [String] = []
    for layout in layouts {
      for layer in 0..<layout.layerCount {
        let counts = layout.tensorNames.indices.map { tensor in
          let index = layout.index(layer: layer, tensor: tensor)
          return layout.isZeroByConstruction[index] ? 0 : layout.elementCounts[index]
        }
        guard let largest = counts.max(), largest > 0 else { continue }
        for (tensor, count) in counts.enumerated() where 2 * count >= largest {
          layerCounts[layout.tensorNames[tensor], default: 0] += 1
        }
      }
      order += layout.tensorNames.filter { !order.contains($0) }
    }
    guard let most = layerCounts.values.max() else { return nil }
    let half = layouts.reduce(0) { $0 + $1.layerCount } / 2
    return order.last { name in layerCounts[name].map { $0 >= min(most, max(1, half)) } ?? false }
  }

  /// Whether a pattern of characters, `*` and `?` stands for all of a text.
  static func matches(_ text: String, pattern: String) -> Bool {
    let (text, pattern) = (Array(text), Array(pattern))
    var (place, next) = (0, 0)
    // Where the last star is, and from where in the text it has to take one character more.
    var star: (pattern: Int, text: Int)?
    while place < text.count {
      if next < pattern.count, pattern[next] == "*" {
        star = (next, place)
        next += 1
      } else if next < pattern.count, pattern[next] == "?" || pattern[next] == text[place] {
        place += 1
        next += 1
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        place = last.text + 1
        next = last.pattern + 1
      } else {
        return false
      }
    }
    return pattern[next...].allSatisfy { $0 == "*" }
  }
}

extension GradientLayout {
  /// The layers that have a tensor.
  func layers(with tensor: String) -> [Int] {
    guard let column = tensorNames.firstIndex(of: tensor) else { return [] }
    return (0..<layerCount).filter { elementCounts[index(layer: $0, tensor: column)] > 0 }
  }

  /// The tensors that some layer has, in the order in which data pass them.
  var presentTensors: [String] {
    tensorNames.indices.filter { tensor in
      (0..<layerCount).contains { elementCounts[index(layer: $0, tensor: tensor)] > 0 }
    }.map { tensorNames[$0] }
  }
}
