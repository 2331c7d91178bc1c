import Analysis
import Charts

extension CheckpointPath {
  /// Two panels over the checkpoints, a line a layer: the relative difference of each step, and that from the first.
  ///
  /// - Parameters:
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(program: String, command: String) -> Figure {
    let groups = shownGroups
    let styles = SeriesStyle.ordered(groups.count)
    func panel(_ title: String, _ pair: (Int) -> Int) -> Panel {
      let marks = zip(groups, styles).enumerated().map { index, series in
        let values = (2...count).map { series.0.statistics(pair: pair($0))?.relativeDifference ?? .nan }
        return LineMark(
          series.0.layer, x: (2...count).map(Double.init), y: values, style: series.1, markerCount: count,
          markerPhase: (Double(index) + 0.5) / Double(groups.count))
      }
      return Panel(
        title: title, xTitle: "checkpoint", yTitle: "relative difference", yKind: .log10, xIsWhole: true,
        marks: marks)
    }
    let titles = measurement.sides.enumerated().map { "\($0 + 1): \($1.title)" }.joined(separator: ". ")
    return Figure(
      width: .page,
      rows: [
        [
          panel("From the checkpoint before") { self.stepPair($0 - 1) },
          panel("From the first checkpoint") { self.distancePair($0) },
        ]
      ], legendTitle: "layer", notes: [titles + "."],
      metadata: Metadata(
        title: "Relative differences along \(count) checkpoints, by layer",
        description:
          "Two panels, one line a layer, logarithmic vertical axis: each checkpoint against the one before, and against the first.",
        program: program, command: command,
        facts: [("relative difference", "L2 norm of B - A over the L2 norm of A")]))
  }

  /// All layers of a shallow model; of a deep one those of the paper: 0, 1, L/2, L-2, L-1.
  private var shownGroups: [ComparedGroup] {
    let layers = measurement.groups(by: .layer).filter { $0.layer != Measurement.outside }
    guard layers.count > 6 else { return layers.isEmpty ? [measurement.whole] : layers }
    return [0, 1, layers.count / 2, layers.count - 2, layers.count - 1].map { layers[$0] }
  }
}
