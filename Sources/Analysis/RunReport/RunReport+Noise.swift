import Documents
import RunData
import Statistics
import Text

extension RunReport {
  /// The noise scale by layer, of the groups whose batches were looked at by parts; nil where none was.
  var noiseSection: Document.Section? {
    guard let noise else { return nil }
    return Document.Section(
      "noise", "Noise and signal",
      [
        .table(Document.TablePart("noise", noise.table, data: noise.longTable)),
        .figure(
          Document.FigurePart(
            "noise", noise.figure(program: options.program, command: options.command),
            caption:
              "The batch at which noise and signal of a layer's gradient are equally large, over \(noise.window.title); the dashed"
              + " line is the batch in use.")),
      ])
  }

  /// Groups of which every run has recorded it.
  static func noise(_ groups: [RunGroup], _ window: StepWindow?) -> NoiseReport? {
    let own = groups.filter { group in group.runs.allSatisfy { !($0.noise?.steps.isEmpty ?? true) } }
    // A window in which none was looked at is no mistake here: the other sections have numbers there.
    return own.isEmpty ? nil : try? NoiseReport(groups: own, window: window)
  }

  /// Signal below this share of the gradient's square is worth a line.
  private static let mostlyNoise = 0.5

  /// Layers, and models, whose gradient is mostly noise at the batch in use.
  var noiseFindings: [Document.Finding] {
    (noise?.entries ?? []).compactMap { entry in
      let noisy = entry.estimates.filter { _, estimate in
        estimate.isResolved
          ? estimate.signalShare.value < Self.mostlyNoise
          : estimate.leastNoiseScale.map { $0 > estimate.tokens } ?? false
      }
      let layers = noisy.compactMap { if case .layer(let layer) = $0.place { layer } else { nil } }
      guard !layers.isEmpty, let whole = entry.estimates.last?.estimate else { return nil }
      let tokens = NumberText.significant(whole.tokens, digits: 3)
      let scale =
        whole.isResolved
        ? "about \(NumberText.significant(whole.noiseScale.value, digits: 2)) tokens"
        : whole.leastNoiseScale.map { "more than \(NumberText.significant($0, digits: 2)) tokens" }
          ?? "unknown"
      return Document.Finding(
        .note, entry.group.label,
        "more than half of |g|² is noise at this batch of \(tokens) tokens in \(layerList(layers)); the noise scale of the"
          + " whole model is \(scale).")
    }
  }
}
