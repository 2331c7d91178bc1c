import Text

/// Which layers a table or figure shows.
public enum LayerSelection: Equatable, Sendable {
  /// Layers 0, 1, L/2, L-2 and L-1, as in the paper's Figure 3.
  case paper
  /// Every layer.
  case all
  /// These layers, negative ones counted from the end.
  case listed([Int])

  /// Reads `paper`, `all` or a list such as `0,1,6,-2,-1`.
  public init(parsing text: String) throws(AnalysisError) {
    switch text {
    case "paper": self = .paper
    case "all": self = .all
    default:
      let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.allSatisfy({ $0 != nil }) else { throw .badLayers(text, layerCount: nil) }
      self = .listed(numbers.compactMap { $0 })
    }
  }

  /// The layers of a stack of `layerCount`, ascending, each once.
  /// - Throws: ``AnalysisError/badLayers`` where a listed layer does not exist.
  public func layers(of layerCount: Int) throws(AnalysisError) -> [Int] {
    switch self {
    case .all: return Array(0..<layerCount)
    case .paper:
      let wanted = [0, 1, layerCount / 2, layerCount - 2, layerCount - 1]
      return Set(wanted.filter { (0..<layerCount).contains($0) }).sorted()
    case .listed(let numbers):
      let wanted = numbers.map { $0 < 0 ? $0 + layerCount : $0 }
      guard wanted.allSatisfy((0..<layerCount).contains) else {
        throw .badLayers(numbers.map(String.init).joined(separator: ","), layerCount: layerCount)
      }
      return Set(wanted).sorted()
    }
  }
}
