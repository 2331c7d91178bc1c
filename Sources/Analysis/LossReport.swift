import Charts
import RunData
import Statistics

/// The losses of runs over their steps.
public struct LossReport: Sendable {
  /// The groups: Post-LN, Pre-LN, NormFormer, then others.
  public let groups: [RunGroup]

  /// Groups runs.
  /// - Parameter allowsMixedContracts: whether runs may be compared whose numbers do not mean the same.
  /// - Throws: ``AnalysisError`` for runs that must not be compared.
  public init(runs: [RecordedRun], allowsMixedContracts: Bool = false) throws(AnalysisError) {
    groups = try RunGroup.groups(of: runs, allowsMixedContracts: allowsMixedContracts)
  }

  /// The training loss of every run as recorded, its moving geometric mean from sixty records on, the validation losses as
  /// points, and the floors that all runs share.
  /// - Parameters:
  ///   - style: axes and smoothing; by default linear.
  ///   - program: name and version of the program that draws.
  ///   - command: the command line that asked for it.
  public func figure(
    style: CurveStyle = CurveStyle(isLogarithmic: false), program: String, command: String
  ) -> Figure {
    let places = AxisPlaces(style.axis, of: groups.flatMap(\.runs))
    let styles = SeriesStyle.categories(groups.count)
    let curves = groups.indices.flatMap { index in
      groups[index].runs.enumerated().map {
        LossCurve(
          run: $1, label: groups[index].label, style: styles[index], isFirst: $0 == 0,
          phase: (Double(index) + 0.5) / Double(groups.count), x: places($1), isSmoothed: style.isSmoothed)
      }
    }
    let panel = Panel(
      title: "", name: "loss", xTitle: places.title, yTitle: lossTitle,
      yKind: style.isLogarithmic ? .log10 : .linear, xIsWhole: places.isWhole,
      marks: floors + curves.flatMap(\.rawLines) + curves.flatMap(\.mainLines)
        + zip(groups, styles).flatMap { validations($0, $1, places) })
    return Figure(
      width: .page, rows: [[panel]], panelHeight: 150, notes: notes(curves),
      metadata: Metadata(
        title: "Loss over training steps: \(groups.map(\.label).joined(separator: ", "))",
        description: "Training loss of every step, one line a run; points are losses on held-out text.",
        program: program, command: command, runIDs: groups.flatMap { $0.runs.map(\.manifest.runID) },
        facts: [("statistic", "loss")]))
  }

  /// Losses on held-out text, of all seeds together.
  private func validations(
    _ group: RunGroup, _ style: SeriesStyle, _ places: AxisPlaces
  ) -> [any Mark] {
    let points = group.runs.flatMap { run in
      let own = places(run)
      return run.validation.compactMap { record -> (x: Double, loss: Double)? in
        guard !places.isWhole else { return (Double(record.step), record.loss) }
        // After so many updates lies behind the step before.
        let index = StepWindow(lower: 0, upper: record.step).indices(in: run.steps).upperBound - 1
        return own.indices.contains(index) ? (own[index], record.loss) : nil
      }
    }
    guard !points.isEmpty else { return [] }
    return [
      PointsMark(
        "\(group.label), held-out text", x: points.map(\.x), y: points.map(\.loss),
        style: SeriesStyle(color: style.color, marker: .diamond, isHollow: true))
    ]
  }

  private var lossTitle: String {
    let units = Set(groups.map(\.manifest.contract.lossUnit))
    return units.count == 1 ? "loss (\(units.first ?? ""))" : "loss"
  }

  /// Floors are drawn where every run has the same.
  private var floors: [any Mark] {
    let corpora = groups.map(\.manifest.corpus)
    guard Set(corpora.map(\.sha256)).count == 1, let corpus = corpora.first,
      groups.allSatisfy(\.manifest.contract.isNatsPerToken)
    else { return [] }
    var marks: [any Mark] = []
    if corpus.unigramEntropy.isFinite {
      marks.append(ReferenceMark("unigram entropy", at: corpus.unigramEntropy))
    }
    if let rate = corpus.entropyRate, rate.isFinite {
      marks.append(ReferenceMark("entropy rate", at: rate, dash: [1, 1.5]))
    }
    return marks
  }

  private func notes(_ curves: [LossCurve]) -> [String] {
    var notes: [String] = []
    let widths = Set(curves.compactMap(\.width)).sorted().map(String.init).joined(separator: " or ")
    if !widths.isEmpty {
      notes.append(
        "Thin lines: each step. Thick lines: centred moving geometric mean of \(widths) recorded steps.")
    }
    if groups.contains(where: { $0.runs.count > 1 }) { notes.append("One line a seed.") }
    return notes.isEmpty ? [] : [notes.joined(separator: " ")]
  }
}

/// The losses of one run, as marks.
private struct LossCurve {
  let run: RecordedRun
  let label: String
  let style: SeriesStyle
  /// Whether it stands for its group in the legend.
  let isFirst: Bool
  /// Where the first marker lies, as a share of the distance between two.
  let phase: Double
  /// Where each record lies on the horizontal axis.
  let x: [Double]
  let isSmoothed: Bool

  private var stretches: [Range<Int>] { LayerSeries.stretches(steps: run.steps, segments: run.segments) }
  private var name: String { "\(label), seed \(run.manifest.seed)" }

  /// The width of the moving mean; nil for a short run.
  var width: Int? { isSmoothed ? MovingMean.width(forRecords: run.steps.count) : nil }

  /// The loss as recorded, where a moving mean is drawn over it.
  var rawLines: [any Mark] {
    guard width != nil else { return [] }
    let pale = SeriesStyle(color: style.color.lightened(by: 0.45), lineWidth: 0.4)
    return [
      LineMark("\(name), each step", x: x, y: run.loss, stretches: stretches, style: pale, isInLegend: false)
    ]
  }

  /// The moving mean; of a short run the loss itself.
  var mainLines: [any Mark] {
    var line = LineMark(
      isFirst ? label : name, x: x, y: run.loss, stretches: stretches, style: style, markerCount: 5,
      markerPhase: phase, isInLegend: isFirst)
    if let width {
      let mean = MovingMean(of: run.loss, stretches: stretches, width: width)
      (line.x, line.y, line.stretches) = (mean.positions.map { x[$0] }, mean.values, mean.stretches)
    }
    return [line]
  }
}
