import Charts
import RunData
import Statistics

/// What a figure shows of noise.
public enum NoiseQuantity: String, Sendable, CaseIterable {
  /// The share of signal in |g|² at the batch in use.
  case signal
  /// The batch at which noise and signal are equally large, in tokens.
  case noiseScale = "noise-scale"

  var title: String {
    switch self {
    case .signal: "share of signal in |g|²"
    case .noiseScale: "noise scale (tokens)"
    }
  }

  func value(of estimate: NoiseEstimate) -> Estimate {
    switch self {
    case .signal: estimate.signalShare
    case .noiseScale: estimate.noiseScale
    }
  }
}

extension NoiseReport {
  /// The noise scale over the layers, a line a group with its interval, and the batch in use; or the share of signal at that batch.
  /// - Parameters:
  ///   - quantity: which of the two.
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(of quantity: NoiseQuantity = .noiseScale, program: String, command: String) -> Figure {
    let styles = SeriesStyle.categories(entries.count)
    let lines = entries.indices.flatMap { marks(of: entries[$0], quantity, styles[$0], phase: $0) }
    let batches = Set(entries.flatMap { $0.estimates.map(\.estimate.tokens) }).sorted()
    let references: [any Mark] =
      switch quantity {
      case .signal: [ReferenceMark("half", at: 0.5)]
      case .noiseScale: batches.count == 1 ? [ReferenceMark("batch", at: batches[0])] : []
      }
    let methods = Set(entries.flatMap { $0.estimates.map(\.estimate.method.summary) }).sorted()
    let unresolved = entries.reduce(0) { count, entry in
      count + entry.estimates.count { !$0.estimate.isResolved }
    }
    let left = unresolved == 0 ? "" : " Left out: \(unresolved) of which the signal is not resolved."
    return Figure(
      width: .column,
      rows: [
        [
          Panel(
            title: operation ?? "all tensors of a layer", xTitle: "layer", yTitle: quantity.title,
            yKind: quantity == .signal ? .linear : .log10, xIsWhole: true, marks: references + lines)
        ]
      ], sharesY: false, panelHeight: 150,
      notes: ["Bands and bars: 95 % intervals (n: \(methods.joined(separator: "; "))).\(left)"],
      metadata: Metadata(
        title:
          "\(quantity == .signal ? "Share of signal" : "Noise scale") by layer: \(entries.map(\.group.label).joined(separator: ", "))",
        description: quantity == .signal
          ? "The share of signal in the gradient's square at the batch in use, layer by layer."
          : "The batch at which noise and signal of the gradient are equally large, layer by layer.",
        program: program, command: command,
        runIDs: entries.flatMap { $0.group.runs.map(\.manifest.runID) },
        facts: [("operation", operation ?? "all"), ("window", "\(window)")]))
  }

  private func marks(of entry: Entry, _ quantity: NoiseQuantity, _ style: SeriesStyle, phase: Int)
    -> [any Mark]
  {
    let points = entry.estimates.compactMap { place, estimate -> (x: Double, scale: Estimate)? in
      guard case .layer(let layer) = place else { return nil }
      return (Double(layer), quantity.value(of: estimate))
    }
    let (layers, scales) = (points.map(\.x), points.map(\.scale))
    // A layer whose signal is not resolved breaks the line.
    let stretches = scales.map(\.value).definedStretches
    let lower = scales.map { $0.interval?.lower ?? $0.value }
    let upper = scales.map { $0.interval?.upper ?? $0.value }
    // A band around a single point has no width.
    let alone = stretches.filter { $0.count == 1 }.map(\.lowerBound)
    return [
      BandMark(
        "\(entry.group.label), 95 % interval", x: layers, lower: lower, upper: upper, stretches: stretches,
        color: style.color),
      SegmentsMark(
        "\(entry.group.label), 95 % interval", at: alone.map { layers[$0] }, from: alone.map { lower[$0] },
        to: alone.map { upper[$0] }, stroke: Stroke(color: style.color, width: 0.8)),
      LineMark(
        entry.group.label, x: layers, y: scales.map(\.value), stretches: stretches, style: style,
        markerCount: max(1, points.count), markerPhase: (Double(phase) + 0.5) / Double(max(1, entries.count))),
    ]
  }
}
