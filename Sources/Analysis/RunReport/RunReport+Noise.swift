import Documents
import RunData
import Statistics
import Text

extension RunReport {
  /// The noise scale by layer, of the groups whose batches were looked at by parts; nil where none was.
  var noiseSection: Document.Section? {
    guard let noise else { return nil }
    let quantity = options.noise ?? .noiseScale
    return Document.Section(
      "noise", "Noise and signal",
      [
        .table(Document.TablePart("noise", noise.table, data: noise.longTable)),
        .figure(
          Document.FigurePart(
            "noise", noise.figure(of: quantity, program: options.program, command: options.command),
            caption:
              quantity == .signal
              ? "The share of signal in the square of a layer's gradient at the batch in use, over \(noise.window.title); the dashed"
                + " line is a half."
              : "The batch at which noise and signal of a layer's gradient are equally large, over \(noise.window.title); the dashed"
                + " line is the batch in use.")),
      ])
  }

  /// Groups of which every run has recorded it.
  static func noise(_ groups: [RunGroup], _ window: StepWindow?) -> NoiseReport? {
    let own = groups.filter { group in group.runs.allSatisfy { !($0.noise?.steps.isEmpty ?? true) } }
    // A window in which none was looked at is no mistake here: the other sections have numbers there.
    return own.isEmpty ? nil : try? NoiseReport(groups: own, window: window)
  }

  /// Layers whose gradient is mostly noise at the batch in use.
  var noiseFindings: [Document.Finding] {
    (noise?.entries ?? []).compactMap { entry in
      let noisy = entry.estimates.compactMap { place, estimate -> (layer: Int, estimate: NoiseEstimate)? in
        guard case .layer(let layer) = place, isMostlyNoise(estimate) else { return nil }
        return (layer, estimate)
      }
      guard let first = noisy.first else { return nil }
      let tokens = NumberText.significant(first.estimate.tokens, digits: 3)
      return Document.Finding(
        .note, entry.group.label,
        "more than \(noiseShare) of |g|² is noise at this batch of \(tokens) tokens in \(layerList(noisy.map(\.layer))):"
          + " \(Self.scales(of: noisy.map(\.estimate))).")
    }
  }

  private var noiseShare: String {
    let share = options.thresholds[.noiseShare]
    return share == 0.5 ? "half" : NumberText.shortest(share)
  }

  private func isMostlyNoise(_ estimate: NoiseEstimate) -> Bool {
    let share = options.thresholds[.noiseShare]
    guard !estimate.isResolved else { return estimate.signalShare.value < 1 - share }
    return estimate.leastNoiseScale.map { $0 / (estimate.tokens + $0) > share } ?? false
  }

  /// `noise scales of 700 to 2100 tokens`.
  private static func scales(of estimates: [NoiseEstimate]) -> String {
    let known = estimates.filter(\.isResolved).map(\.noiseScale.value)
    let unresolved = estimates.count - known.count
    guard let least = known.min(), let most = known.max() else {
      return "their signal cannot be told from none"
    }
    let (lower, upper) = (NumberText.significant(least, digits: 2), NumberText.significant(most, digits: 2))
    let range = lower == upper ? "about \(lower)" : "\(lower) to \(upper)"
    return "noise scales of \(range) tokens"
      + (unresolved > 0 ? "; in \(counted(unresolved, "layer")) the signal cannot be told from none" : "")
  }
}
