import Charts
import RunData
import Text

// What both figures share.

extension ScaleReport {
  /// As many scales as stand side by side, so that more are continued below.
  var scaleBlocks: [[String]] {
    stride(from: 0, to: scales.count, by: 4).map { Array(scales[$0..<min($0 + 4, scales.count)]) }
  }

  /// The line at the value that a scale begins at; none where layers begin at different ones.
  static func initialValue(_ layout: ScaleLayout) -> [any Mark] {
    layout.initialValue.map { value in
      [ReferenceMark("initial value \(NumberText.shortest(value))", at: value, dash: [])]
    } ?? []
  }

  /// What the line or curve of weight decay is called.
  static func decayedValue(_ layout: ScaleLayout) -> String {
    "\(NumberText.shortest(layout.initialValue ?? 1)) by weight decay alone"
  }

  /// A page, unless one panel stands alone.
  func width(of rows: [[Panel]]) -> Figure.Width {
    rows.allSatisfy { $0.count == 1 } ? .column : .page
  }

  /// One colour a scale, the paper's first.
  func color(_ name: String) -> Color {
    let palette = Color.okabeIto.filter { $0 != .black && $0.luminance < 0.5 }
    return palette[(scales.firstIndex(of: name) ?? 0) % palette.count]
  }

  /// A panel of a scale in a group, headed by both; a group that does not have the scale keeps the place.
  func panel(
    _ name: String, _ group: String, _ facts: [String], yTitle: String, xTitle: String, marks: [any Mark]
  ) -> Panel {
    let words = GainName.words(name)
    return Panel(
      title: words, name: entries.count > 1 ? "\(words), \(group)" : words,
      subtitle: ((entries.count > 1 ? [group] : []) + facts).joined(separator: "; "), xTitle: xTitle,
      yTitle: yTitle,
      xIsWhole: true, marks: marks)
  }

  /// Title, description and origin of a figure.
  func metadata(title: String, description: String, program: String, command: String) -> Metadata {
    Metadata(
      title: title, description: description, program: program, command: command,
      runIDs: entries.flatMap { $0.group.sources.compactMap { $0.run?.manifest.runID } },
      facts: entries.map { ("values", $0.title) }
        + [("quartiles", "linear between order statistics; whiskers 1.5 interquartile ranges")]
        + decayNotes.map { ("weight decay", $0) })
  }
}
