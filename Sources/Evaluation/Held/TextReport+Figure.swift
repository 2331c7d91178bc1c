import Charts
import Documents
import RealModule
import Statistics

extension TextReport {
  /// Tokens that have about equally many before them, by powers of two.
  private struct ContextBins {
    let lower: [Int]

    init(upTo context: Int) {
      var lower = [1]
      while lower[lower.count - 1] * 2 <= context { lower.append(lower[lower.count - 1] * 2) }
      self.lower = lower
    }

    func bin(of context: Int32) -> Int? {
      context > 0 ? Int.bitWidth - 1 - Int(context).leadingZeroBitCount : nil
    }
  }

  /// Tokens that a point of the figure has at least, where the text has so many.
  private static let fewestTokens = 100.0

  /// The mean loss against how many tokens a model saw before: one line a model, with its interval.
  public func contextFigure(program: String, command: String) -> Figure {
    let bins = ContextBins(upTo: question.windows.context)
    let styles = SeriesStyle.categories(entries.count)
    var marks: [any Mark] = []
    for (entry, style) in zip(entries, styles) {
      let points = points(of: entry, bins)
      let (x, y) = (points.map(\.context), points.map(\.loss.value))
      // A bin that few samples have has no interval.
      let known = points.compactMap { point in point.loss.interval.map { (point.context, $0) } }
      if known.count > 1 {
        marks.append(
          BandMark(
            "\(entry.name), 95 %", x: known.map(\.0), lower: known.map(\.1.lower),
            upper: known.map(\.1.upper), color: style.color))
      }
      marks.append(LineMark(entry.name, x: x, y: y, style: style, markerCount: x.count))
    }
    let panel = Panel(
      title: "", xTitle: "tokens before", yTitle: "nats per token", xKind: .log10, xIsWhole: true,
      marks: marks)
    return Figure(
      width: .column, rows: [[panel]], panelHeight: 150,
      notes: ["\(text.name), \(windowsText). \(intervalNote) Points of 100 tokens or more."],
      metadata: Metadata(
        title: "Loss by context on \(text.name)", description: notes.joined(separator: " "),
        program: program, command: command,
        facts: [("checkpoints", entries.map(\.name).joined(separator: ", "))]))
  }

  private func points(of entry: Entry, _ bins: ContextBins) -> [(context: Double, loss: Estimate)] {
    let count = bins.lower.count
    var sums = Array(repeating: Array(repeating: 0.0, count: samples.count), count: count)
    var counts = sums
    var contexts = Array(repeating: 0.0, count: count)
    for (index, sample) in samples.enumerated() {
      for position in sample.range {
        guard let bin = bins.bin(of: entry.losses.contexts[position]) else { continue }
        sums[bin][index] += entry.losses.losses[position]
        counts[bin][index] += 1
        contexts[bin] += Double(entry.losses.contexts[position])
      }
    }
    // The few tokens of a first window would say nothing beside thousands.
    let totals = counts.map { $0.reduce(0, +) }
    let fewest = min(Self.fewestTokens, totals.max() ?? 0)
    let shown = counts.indices.filter { totals[$0] > 0 && totals[$0] >= fewest }
    let resampling = Resampling(
      shown.map { .init(numerators: sums[$0], denominators: counts[$0]) }, blockLength: 1)
    return shown.enumerated().map { place, bin in
      (contexts[bin] / totals[bin], resampling.estimate(place))
    }
  }
}
