import Analysis
import RunData

/// What a page asks to see: its choices, read from an address.
struct ViewQuery {
  /// Something in an address that makes no sense.
  struct Mistake: Error {
    var message: String
  }

  /// The runs by id; nil for those that a page shows first.
  var runs: [String]?
  /// The operation; nil for the usual one.
  var operation: String?
  var statistic: GradientStatistic
  /// The steps of the table; nil for the usual ones.
  var window: StepWindow?
  var layers: LayerSelection
  var isLogarithmic: Bool
  /// The room that a figure has, in pixels; nil for paper.
  var width: Double?

  /// - Throws: ``Mistake``.
  init(_ query: [String: String]) throws {
    runs = query["runs"].flatMap { $0.isEmpty ? nil : $0.split(separator: ",").map(String.init) }
    operation = query["op"].flatMap { $0.isEmpty ? nil : $0 }
    statistic = try Self.choice(query["stat"], named: "stat") ?? .l1
    do throws(AnalysisError) {
      window = try query["window"].flatMap { $0.isEmpty ? nil : $0 }.map(StepWindow.init(parsing:))
      let layers = query["layers"].flatMap { $0.isEmpty ? nil : $0 }
      self.layers = try layers.map(LayerSelection.init(parsing:)) ?? .paper
    } catch {
      throw Mistake(message: "\(error)")
    }
    isLogarithmic = query["y"] != "linear"
    width = query["width"].flatMap { Double($0) }.map { min(3200, max(240, $0)) }
  }

  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ text: String?, named name: String
  ) throws -> Choice? where Choice.RawValue == String {
    guard let text, !text.isEmpty else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw Mistake(message: "\(name) is one of \(known), not \(text)")
    }
    return choice
  }
}
