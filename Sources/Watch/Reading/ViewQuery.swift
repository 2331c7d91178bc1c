import Analysis
import RunData

/// What a page asks to see: its choices, read from an address.
struct ViewQuery {
  /// Something in an address that makes no sense.
  struct Mistake: Error {
    var message: String
  }

  /// The pictures that there are.
  enum Picture: String, CaseIterable {
    /// Every layer's gradient over the steps.
    case layers
    /// The losses.
    case loss
    /// What texts and tasks gave.
    case evaluation
    /// The gradient by layer and step.
    case map
    /// Gradients by operation and layer over the window.
    case operations
    /// The same over those of a base.
    case ratio
    /// Learned scales by layer at one snapshot.
    case scales
  }

  var picture: Picture
  /// The runs by id; nil for those that a page shows first.
  var runs: [String]?
  /// The operation; nil for the usual one.
  var operation: String?
  var statistic: GradientStatistic
  /// The steps of the table; nil for the usual ones.
  var window: StepWindow?
  /// The steps of the picture; nil for all.
  var zoom: StepWindow?
  var layers: LayerSelection
  var style: CurveStyle
  /// The group that others are divided by, by its label; nil for the first.
  var base: String?
  /// The snapshot of the scales, in updates; nil for the last.
  var snapshot: Int?
  /// The room that a figure has, in pixels; nil for paper.
  var width: Double?

  /// - Throws: ``Mistake``.
  init(_ query: [String: String]) throws {
    runs = query["runs"].flatMap { $0.isEmpty ? nil : $0.split(separator: ",").map(String.init) }
    operation = query["op"].flatMap { $0.isEmpty ? nil : $0 }
    statistic = try Self.choice(query["stat"], named: "stat") ?? .l1
    do throws(AnalysisError) {
      window = try query["window"].flatMap { $0.isEmpty ? nil : $0 }.map(StepWindow.init(parsing:))
      zoom = try query["zoom"].flatMap { $0.isEmpty ? nil : $0 }.map(StepWindow.init(parsing:))
      let layers = query["layers"].flatMap { $0.isEmpty ? nil : $0 }
      self.layers = try layers.map(LayerSelection.init(parsing:)) ?? .paper
    } catch {
      throw Mistake(message: "\(error)")
    }
    picture = try Self.choice(query["view"], named: "view") ?? .layers
    let axis: StepAxis = try Self.choice(query["x"], named: "x") ?? .step
    style = CurveStyle(
      axis: axis, isLogarithmic: (query["y"] ?? (picture == .loss ? "linear" : "log")) != "linear",
      isSmoothed: query["smooth"] != "none")
    base = query["base"].flatMap { $0.isEmpty ? nil : $0 }
    snapshot = query["snapshot"].flatMap { Int($0) }
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
