import Charts
import Text

/// The lines of the paper's Figure 3, read off its picture: arXiv 2110.09456v2, L1 norm of the `fc2.weight` gradient of 125M models
/// early in training; NormFormer has three additions there, no ResScale.
///
/// Digitised by matching colours, to about ±3. The figure begins at step 250, is smoothed, and is cut off at about 375: what
/// lies above, or under another line, is missing.
enum PaperFigure3 {
  static let layers = [0, 1, 6, 10, 11]
  static let steps = Array(stride(from: 250, through: 600, by: 50))

  /// One panel: each layer's numbers over the steps; not a number where one could not be read.
  struct Lines {
    let title: String
    let values: [[Double]]

    /// First over last layer at the last step.
    var earlyLate: Double { (values[0].last ?? .nan) / (values[values.count - 1].last ?? .nan) }
  }

  static let panels = [
    Lines(
      title: "Post-LN",
      values: [
        [128, 79, 50, 35, 26, 20, 18, 18], [123, 76, 50, 36, 28, 23, 20, 20],
        [142, 112, 91, 83, 79, 73, 73, 73], [213, 166, 149, 151, 152, 151, 156, 161],
        [257, 180, 152, 155, 157, 158, 163, 169],
      ]),
    Lines(
      title: "Pre-LN",
      values: [
        [.nan, .nan, .nan, .nan, 363, 330, 346, 295], [320, 350, 325, 331, 312, 290, 310, 262],
        [147, 146, 120, 112, 94, 84, 81, 70], [90, 92, 79, 83, 74, 73, 73, 66],
        [85, 87, 77, 83, 76, 76, 79, 70],
      ]),
    Lines(
      title: "NormFormer",
      values: [
        [.nan, .nan, .nan, .nan, 359, 319, 293, 248], [344, 306, 274, 255, 225, 201, 188, 163],
        [170, 160, 144, 141, 129, 119, 117, 105], [162, 167, 156, 166, 150, 143, 150, 127],
        [168, 184, 175, 194, 175, 175, 198, 165],
      ]),
  ]

  static let note =
    "Last row: arXiv v2 (2110.09456v2, Figure 3), 125M, NormFormer with three additions and no ResScale, digitised to about ±3;"
    + " smoothed there, cut off at about 375."

  /// The panels as a figure shows them.
  ///
  /// - Parameter isInLegend: whether the layers have the same names as those of the panels above.
  static func panels(yTitle: String, isInLegend: Bool) -> [Panel] {
    let styles = SeriesStyle.ordered(layers.count)
    let numbers = panels.flatMap(\.values).joined().filter(\.isFinite)
    let room = RoomMark(y: Extent(of: numbers))
    return panels.map { lines in
      let marks = lines.values.enumerated().map { index, values -> any Mark in
        // A missing number is no place on the axis to be marked: the line begins after it.
        let first = values.firstIndex(where: \.isFinite) ?? 0
        return LineMark(
          "\(layers[index])", x: steps.dropFirst(first).map(Double.init), y: Array(values.dropFirst(first)),
          style: styles[index], markerCount: 4, markerPhase: (Double(index) + 0.5) / Double(layers.count),
          isInLegend: isInLegend)
      }
      return Panel(
        title: lines.title, name: "\(lines.title), arXiv v2",
        subtitle:
          "arXiv v2, 125M; early/late \(NumberText.significant(lines.earlyLate, digits: 2)) at step 600",
        xTitle: "step", yTitle: yTitle, yKind: .log10, xIsWhole: true, marks: [room] + marks)
    }
  }
}
