import Charts
import Documents
import RealModule
import RunData
import Statistics
import Text

/// How the noise scale of one group's gradients, or their share of signal, compares with another's, layer by layer.
public struct NoiseRatio: Sendable {
  /// One place's.
  public struct Row: Sendable {
    /// A layer, what lies outside of the layers, or all.
    public let place: NoiseReport.Place
    /// The baseline's.
    public let base: Estimate
    /// The other group's.
    public let other: Estimate
    /// The other's over the baseline's: over three or more pairs of seeds with Student's t of their logarithms; undefined where one of the
    /// two is not resolved.
    public let ratio: Estimate
    /// Pairs of seeds of which both have a value above zero.
    public let pairs: Int
  }

  /// What is compared.
  public let quantity: NoiseQuantity
  /// The rows, the layers first.
  public let rows: [Row]

  private let report: NoiseReport
  private let labels: (base: String, other: String)

  /// Compares the second group of runs, each read with its noise, with the first one.
  ///
  /// - Parameters:
  ///   - runs: the baseline's first; groups are put together by their settings.
  ///   - window: by default the second half of what all runs have reached.
  /// - Throws: ``AnalysisError``, also where the runs are not of two groups, or have different numbers of layers.
  public init(
    runs: [RecordedRun], quantity: NoiseQuantity, window: StepWindow? = nil,
    allowsMixedContracts: Bool = false
  ) throws(AnalysisError) {
    let report = try NoiseReport(runs: runs, window: window, allowsMixedContracts: allowsMixedContracts)
    guard report.entries.count == 2 else { throw .notTwoGroups(labels: report.entries.map(\.group.label)) }
    let isFirstBase = report.entries[0].group.runs.contains { $0.manifest.runID == runs[0].manifest.runID }
    let (base, other) = (report.entries[isFirstBase ? 0 : 1], report.entries[isFirstBase ? 1 : 0])
    guard base.estimates.count == other.estimates.count else {
      throw .unequalDepths(
        labels: [base, other].map(\.group.label),
        depths: [base, other].map(\.group.manifest.gradients.layerCount))
    }
    self.quantity = quantity
    self.report = report
    labels = (base.group.label, other.group.label)
    rows = base.estimates.indices.map { index in
      let logarithms = base.bySeed.compactMap { seed, values -> Double? in
        guard let partner = other.bySeed.first(where: { $0.seed == seed }) else { return nil }
        let difference = Double.log(
          quantity.value(
            ofSignalByNoise: partner.values[index], tokens: other.estimates[index].estimate.tokens)
            / quantity.value(ofSignalByNoise: values[index], tokens: base.estimates[index].estimate.tokens))
        return difference.isFinite ? difference : nil
      }
      let (one, two) = (
        quantity.value(of: base.estimates[index].estimate),
        quantity.value(of: other.estimates[index].estimate)
      )
      let isKnown = one.value.isFinite && two.value.isFinite
      return Row(
        place: base.estimates[index].place, base: one, other: two,
        ratio: isKnown ? Estimate.mean(of: logarithms).mapped(Double.exp) : .undefined,
        pairs: logarithms.count)
    }
  }
}

extension NoiseRatio {
  private var title: String {
    "\(quantity == .signal ? "Share of signal" : "Noise scale") of \(labels.other) over that of \(labels.base), \(report.window.title)"
  }

  /// One row a place.
  ///
  /// - Parameter selection: the layers that are shown; what lies outside of them and the whole are shown always.
  /// - Throws: ``AnalysisError/badLayers``.
  public func table(layers selection: LayerSelection = .all) throws(AnalysisError) -> Table {
    let layers = try selection.layers(of: report.entries[0].group.manifest.gradients.layerCount)
    func side(_ key: String, _ title: String) -> Table.Column {
      Table.Column(key, title: title, kind: .estimate(.significant(3)), priority: 1)
    }
    var table = Table(
      title: title,
      columns: [
        Table.Column("place", title: "of", kind: .text), side("base", labels.base),
        side("other", labels.other),
        Table.Column("ratio", title: "ratio", kind: .estimate(.significant(3))),
        Table.Column("pairs", title: "seeds", kind: .integer, priority: 2),
      ],
      notes: [
        "\(quantity.definition) Undefined where a signal is not resolved. The ratio is the geometric mean over paired seeds, its interval"
          + " Student's t of the logarithms."
      ])
    for row in rows {
      if case .layer(let layer) = row.place, !layers.contains(layer) { continue }
      table.append([
        .text(report.title(of: row.place)), .estimate(row.base), .estimate(row.other), .estimate(row.ratio),
        .integer(row.pairs),
      ])
    }
    return table
  }

  /// The ratio over the layers with its interval; nil where it is known in no layer.
  public func figure(program: String, command: String) -> Figure? {
    let points = rows.compactMap { row -> (layer: Double, ratio: Estimate)? in
      guard case .layer(let layer) = row.place else { return nil }
      return (Double(layer), row.ratio)
    }
    let stretches = points.map(\.ratio.value).definedStretches
    guard !stretches.isEmpty else { return nil }
    let style = SeriesStyle.categories(1)[0]
    let (x, values) = (points.map(\.layer), points.map(\.ratio.value))
    let marks: [any Mark] = [
      ReferenceMark("equal", at: 1),
      SegmentsMark(
        "95 % interval", at: x, from: points.map { $0.ratio.interval?.lower ?? $0.ratio.value },
        to: points.map { $0.ratio.interval?.upper ?? $0.ratio.value },
        stroke: Stroke(color: style.color, width: 0.8)),
      LineMark(
        "\(labels.other) / \(labels.base)", x: x, y: values, stretches: stretches, style: style,
        markerCount: max(1, points.count)),
    ]
    return Figure(
      width: .column,
      rows: [
        [
          Panel(
            title: "all tensors of a layer", xTitle: "layer", yTitle: "ratio, \(quantity.title)",
            yKind: .log10,
            xIsWhole: true, marks: marks)
        ]
      ], sharesY: false, panelHeight: 150,
      notes: ["Bars: 95 % intervals over paired seeds. Layers whose signal is not resolved are left out."],
      metadata: Metadata(
        title: title, description: "\(quantity.definition) One group's over another's, layer by layer.",
        program: program, command: command,
        runIDs: report.entries.flatMap { $0.group.runs.map(\.manifest.runID) },
        facts: [("window", "\(report.window)")]))
  }
}

extension NoiseQuantity {
  /// For the foot of a table.
  var definition: String {
    switch self {
    case .signal: "Signal: its share of |g|² at the batch in use, 1 / (1 + noise scale / batch)."
    case .noiseScale:
      "Noise scale: tr Σ / |G|² in tokens, the batch at which noise and signal are equally large (McCandlish et al. 2018)."
    }
  }

  /// From |G|² over tr Σ; not a number where that is not above zero.
  func value(ofSignalByNoise signal: Double, tokens: Double) -> Double {
    guard signal > 0 else { return .nan }
    return self == .signal ? signal * tokens / (1 + signal * tokens) : 1 / signal
  }
}
