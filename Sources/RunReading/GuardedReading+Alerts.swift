import Analysis
import RunData
import RunFile
import Text

extension GuardedReading {
  /// Goes through the steps of a run that rules of alerts are of.
  ///
  /// - Parameter first: the first step that is looked at.
  public func forEachNumbers(
    _ reader: RunFileReader, from first: Int = 0, _ body: (AlertWatch.Numbers) -> Void
  ) throws {
    let layout = reader.manifest.gradients
    // The tensors of another stack than the deepest one lie outside of the grid.
    guard layout == reader.recordedGradients else { return }
    let recorded = Set(reader.stepVariables.map(\.name))
    let wanted = [
      "loss", "gradient_l2", "gradient_l1", "gradient_sum_squares", "weight_sum_squares",
      "update_sum_squares",
    ]
    let names = wanted.filter(recorded.contains)
    let places = wanted.map(names.firstIndex(of:))
    try forEachBlock(reader, of: names, window: first..<Int.max) { block in
      for (row, step) in block.steps.enumerated() {
        func value(_ variable: Int, _ cell: Int, of width: Int) -> Double {
          places[variable].map { block.values[$0][row * width + cell] } ?? .nan
        }
        let width = layout.elementCounts.count
        body(
          AlertWatch.Numbers(step: step, loss: value(0, 0, of: 1), gradientL2: value(1, 0, of: 1)) { cell in
            StatisticSums(
              l1: value(2, cell, of: width), sumSquares: value(3, cell, of: width),
              weightSquares: value(4, cell, of: width), updateSquares: value(5, cell, of: width),
              count: layout.elementCounts[cell])
          })
      }
    }
  }

  /// What the rules that a run was made with say about it: a sentence for each that ever held, without its full stop.
  public func alerts(_ reader: RunFileReader) throws -> [String] {
    guard let rules = try? AlertRule.rules(of: reader.manifest), !rules.isEmpty,
      var watch = try? AlertWatch(rules, of: reader.manifest)
    else { return [] }
    var found: [Alert] = []
    try forEachNumbers(reader) { found += watch.look(at: $0) }
    return rules.compactMap { rule in
      let own = found.filter { $0.rule == rule }
      guard let first = own.first, let last = own.last else { return nil }
      return own.count == 1
        ? "\(first)" : "\(first); \(counted(own.count - 1, "time")) more, last at step \(last.step)"
    }
  }
}
