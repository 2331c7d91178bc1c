import Analysis
import Charts
import Documents
import RunData

/// A picture of some runs and the tables below it, for one page's choices.
struct RunView {
  /// The title above the picture.
  var title: String
  /// The figure as it stands on paper.
  var figure: Figure
  /// The tables, the first of them the one that is saved.
  var tables: [Table]
  /// The mismatch that the choices are made of.
  var report: MismatchReport
  var query: ViewQuery
  /// Names of the operations of all runs shown, in the order in which data pass them.
  var operations: [String]
  /// Updates before the snapshots of the scales, of all runs shown.
  var snapshots: [Int] = []
  /// What is to be said of the choice of operation or runs.
  var remarks: [String]

  /// What the page gets.
  struct Content: Codable, Sendable {
    var title: String
    var picture: String
    var operation: String
    var operations: [String]
    var groups: [String]
    var snapshots: [Int]
    var figure: ScreenFigure
    /// Tables of HTML with everything escaped.
    var tables: [String]
    /// The steps of the table, and whether they were asked for.
    var window: [Int]
    var isOwnWindow: Bool
    /// The first and the last step recorded of any run.
    var steps: [Int]
    var layerCount: Int
    var remarks: [String]
  }

  private var runs: [RecordedRun] { report.entries.flatMap(\.group.runs) }

  /// What the page gets.
  var content: Content {
    let first = runs.compactMap(\.steps.first).min() ?? 0
    let last = runs.compactMap(\.steps.last).max() ?? 0
    var screen = ScreenFigure(figure, pixels: query.width ?? 960)
    addSteps(to: &screen)
    return Content(
      title: title, picture: query.picture.rawValue, operation: report.operation, operations: operations,
      groups: report.entries.map(\.group.label), snapshots: snapshots, figure: screen,
      tables: tables.map { $0.htmlText() },
      window: [report.window.lower, report.window.upper ?? last + 1], isOwnWindow: query.window != nil,
      steps: [first, last], layerCount: runs.map(\.manifest.gradients.layerCount).max() ?? 0,
      remarks: remarks)
  }

  /// Tells the page which steps lie where, so that a window can be chosen in the picture.
  private func addSteps(to screen: inout ScreenFigure) {
    guard [.layers, .loss, .map].contains(query.picture) else { return }
    for index in screen.panels.indices {
      screen.panels[index].hasSteps = true
      // A panel a group, but for the losses, which lie in one.
      let own = report.entries.indices.contains(index) ? report.entries[index].group.runs.first : runs.first
      guard query.style.axis != .step, query.picture != .map, let run = own else { continue }
      let places = query.style.places(of: run, among: runs)
      let stride = Swift.stride(from: 0, to: places.count, by: max(1, places.count / 300))
      screen.panels[index].places = stride.map { places[$0] }
      screen.panels[index].steps = stride.map { Double(run.steps[$0]) }
    }
  }
}
