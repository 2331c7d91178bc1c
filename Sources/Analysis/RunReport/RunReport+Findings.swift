import Charts
import Documents
import RunData
import Statistics
import Text

extension RunReport {
  /// What a reader should see first, the gravest first; one line that says so where there is nothing.
  public var findings: [Document.Finding] {
    let found =
      runs.flatMap(runFindings) + lossFindings + mismatchFindings + comparisonFindings + clippingFindings
      + noiseFindings + headFindings + seedFindings
    guard !found.isEmpty else {
      return [
        Document.Finding(
          .note, "Nothing stands out",
          "all runs finished and learned, every number is finite, and nothing was left out.")
      ]
    }
    return Document.Finding.Level.allCases.flatMap { level in found.filter { $0.level == level } }
  }

  // MARK: - Run by run

  /// `Pre-LN, layers 8, seed 1`: a run by its group's label.
  func name(_ run: RecordedRun) -> String {
    let id = run.manifest.runID
    let own = allGroups.first { $0.group.runs.contains { $0.manifest.runID == id } }
    return own.map { "\($0.label), seed \(run.manifest.seed)" } ?? runLabel(run.manifest)
  }

  private func runFindings(_ own: ReportedRun) -> [Document.Finding] {
    let label = name(own.run)
    var found: [Document.Finding] = []
    if let ending = ending(own) { found.append(Document.Finding(.problem, label, ending)) }
    let steps = own.nonfiniteSteps
    if let norms = own.run.manifest.importedNorms {
      found.append(
        Document.Finding(
          .note, label,
          "imported from a log that has the norm \(norms.joined(separator: " and ")) of gradients; what it does not have is not a"
            + " number here."))
    } else if let first = steps.first, !own.isStabilityTest {
      // A stability test is run until something is not finite.
      let places = own.nonfinite.map { found in
        let shown = found.tensors.prefix(4).joined(separator: ", ") + (found.tensors.count > 4 ? ", …" : "")
        return found.tensors.isEmpty
          ? ""
          : " At step \(found.step) gradients of \(counted(found.tensors.count, "tensor")) are not: \(shown)."
      }
      found.append(
        Document.Finding(
          .problem, label,
          "loss or gradients are not finite at \(counted(steps.count, "step")), first at step \(first).\(places ?? "")"
        ))
    }
    if own.run.manifest.importedNorms == nil {
      found += UntrainedTensors.sentences(own.untrained, of: own.run.manifest.gradients).map {
        Document.Finding(
          .note, label, "\($0). There is no gradient there; means run over the other steps.")
      }
    }
    if !own.deadExperts.isEmpty {
      found.append(
        Document.Finding(
          .caution, label,
          "experts that got no token at any recorded step: \(DeadExperts.list(own.deadExperts))."))
    }
    if let parameters = own.parameters {
      let updates = UpdateFindings(
        parameters, of: own.run.manifest.gradients, thresholds: options.thresholds)
      found += updates.outliers.map { Document.Finding(.caution, label, "\($0).") }
      if let lost = updates.lostInBF16 { found.append(Document.Finding(.note, label, "\(lost).")) }
    }
    if let outputs = own.run.outputSummary {
      let said = OutputFindings(outputs, thresholds: options.thresholds)
      found += said.attention.map { Document.Finding(.caution, label, "\($0).") }
      found += (said.stream + said.massive + said.sinks).map { Document.Finding(.note, label, "\($0).") }
    }
    found += own.alerts.map { Document.Finding(.caution, label, "alert: \($0).") }
    for damage in own.damage { found.append(Document.Finding(.problem, label, "\(damage).")) }
    found += resumptionFindings(own, label)
    return found
  }

  /// How a run ended, where that is not as it was meant to.
  private func ending(_ own: ReportedRun) -> String? {
    let last = own.run.steps.last.map { "step \($0)" } ?? "no step"
    switch own.run.status {
    case .finished: return nil
    case .running where own.isGrowing: return "still running; this report has it up to \(last)."
    case .running: return "killed: its file was never closed, and holds it up to \(last)."
    case .interrupted: return "interrupted after \(last)."
    case .failed: return "ended with an error after \(last)."
    case .nonfinite, .overflow, .diverged, .lossScaleExhausted:
      return own.isStabilityTest ? nil : "\(own.standing) at \(last), where it was ended."
    }
  }

  private func resumptionFindings(_ own: ReportedRun, _ label: String) -> [Document.Finding] {
    let gaps = own.gaps
    if !gaps.isEmpty {
      let shown = gaps.prefix(3).map { "between \($0.after) and \($0.before)" }.joined(separator: ", ")
      return [
        Document.Finding(
          .problem, label,
          "steps are missing \(shown)\(gaps.count > 3 ? ", …" : ""); lines are broken there, and no mean runs over them."
        )
      ]
    }
    guard own.attemptCount > 1 else { return [] }
    return [
      Document.Finding(
        .note, label, "made in \(own.attemptCount) attempts, without a gap; Provenance has where each began.")
    ]
  }

  // MARK: - Group by group

  /// Of several groups of which the same is to be said, one finding that lists them.
  private func collected(
    _ level: Document.Finding.Level, _ own: [(label: String, detail: String)], _ sentence: (String) -> String
  ) -> [Document.Finding] {
    guard own.count > 2 else {
      return own.map { Document.Finding(level, $0.label, sentence($0.detail)) }
    }
    let list = own.map { "\($0.label): \($0.detail)" }.joined(separator: "; ")
    return [Document.Finding(level, "\(own.count) of \(counted(allGroups.count, "group"))", sentence(list))]
  }

  private var lossFindings: [Document.Finding] {
    let own = groups.compactMap { group -> (label: String, detail: String)? in
      let reading = LossReading(of: group, window: StepWindow(lower: 0, upper: nil))
      guard !reading.seedsNotLearning.isEmpty else { return nil }
      let loss = reading.loss.isFinite ? "\(NumberText.fixed(reading.loss, decimals: 3))" : "not finite"
      let count = reading.seedsNotLearning.count
      let seeds = count < reading.runCount ? "\(count) of \(reading.runCount) seeds, " : ""
      return (group.label, "\(seeds)\(loss) against \(NumberText.fixed(reading.unigramEntropy, decimals: 3))")
    }
    return collected(.caution, own) {
      "not learning yet: the training loss is not below the corpus's unigram entropy (\($0) nats). Gradients and scales of"
        + " such a model say little about one that learns."
    }
  }

  private var mismatchFindings: [Document.Finding] {
    let own = groups.compactMap { group -> (label: String, detail: String)? in
      let all = operations.filter { $0.group.label == group.label }
      let large = all.filter { $0.mismatch.spread.value > options.thresholds[.spread] }
      guard let worst = large.max(by: { $0.mismatch.spread.value < $1.mismatch.spread.value }),
        let extremes = worst.mismatch.extremes
      else { return nil }
      let spread = NumberText.significant(worst.mismatch.spread.value, digits: 3)
      return (
        group.label,
        "\(large.count) of \(all.count) operations, up to \(spread)-fold (\(worst.operation), layer \(extremes.largest) over"
          + " layer \(extremes.smallest))"
      )
    }
    return collected(.caution, own) {
      "gradients that differ more than \(NumberText.shortest(options.thresholds[.spread]))-fold between layers: \($0)."
    }
  }

  private var clippingFindings: [Document.Finding] {
    Document.Finding.Level.allCases.flatMap { level in
      let own = groups.compactMap { group -> (label: String, detail: String)? in
        guard let share = group.clippedShare, share >= 0.1, (share >= 0.5 ? .caution : .note) == level else {
          return nil
        }
        return (group.label, "\(NumberText.fixed(100 * share, decimals: 0)) %")
      }
      return collected(level, own) {
        "gradients were clipped at many of the recorded steps (\($0)); the gradients shown are those before clipping."
      }
    }
  }

  private var headFindings: [Document.Finding] {
    let own = groups.flatMap(reported).compactMap { own -> (label: String, detail: String)? in
      guard let last = own.snapshots.last,
        let index = own.run.manifest.scales.firstIndex(where: { $0.name == "c_attn" })
      else { return nil }
      let gammas = last.values[index].filter { !$0.isNaN }
      let small = gammas.count { abs($0) < 0.1 }
      return small > 0 ? (name(own.run), "\(small) of \(gammas.count)") : nil
    }
    return own.map {
      Document.Finding(.note, $0.label, "\($0.detail) heads are nearly off (|γ| below 0.1).")
    }
  }

  // MARK: - What comparisons rest on

  private var comparisonFindings: [Document.Finding] {
    var found: [Document.Finding] = []
    let differing = ConfigurationKeys.differing(
      groups.map { ConfigurationKeys(json: $0.manifest.configurationJSON) }
    ).filter { !Self.architectureSettings.contains($0) }
    if !differing.isEmpty {
      found.append(
        Document.Finding(
          .caution, "Comparison",
          "groups differ in more than the architecture: \(differing.joined(separator: ", ")). What differs between them"
            + " need not come from the architecture."))
    }
    if Set(groups.map(\.manifest.corpus.sha256)).count > 1 {
      found.append(
        Document.Finding(
          .caution, "Comparison", "groups learned from different texts; losses cannot be compared."))
    }
    if groups.contains(where: { $0.manifest.contract != groups[0].manifest.contract }) {
      found.append(
        Document.Finding(
          .caution, "Comparison",
          "runs were recorded under different number contracts (see Provenance); showing them together was asked for."
        ))
    }
    return found + shortRunFindings
  }

  /// The shortest run decides over the window of all.
  private var shortRunFindings: [Document.Finding] {
    guard options.window == nil, case .success(let report) = mismatch else { return [] }
    let ends = groups.flatMap(\.runs).compactMap { run in run.steps.last.map { (run, $0) } }
    guard let shortest = ends.min(by: { $0.1 < $1.1 }), let longest = ends.map(\.1).max(),
      longest > shortest.1
    else {
      return []
    }
    return [
      Document.Finding(
        .caution, "Window",
        "means of gradients run over \(report.window.title), since \(name(shortest.0)) ends at step"
          + " \(shortest.1), others at up to \(longest); leave it out, or name a window, to look later.")
    ]
  }

  private var seedFindings: [Document.Finding] {
    let few = groups.filter { $0.runs.count < 3 }
    guard !few.isEmpty else { return [] }
    let names =
      few.count == groups.count ? "all groups have" : few.map(\.label).joined(separator: "; ") + " have"
    return [
      Document.Finding(
        .note, "Seeds",
        "\(names) fewer than three seeds: intervals of gradients run over steps and say nothing about another seed, and"
          + " losses have none.")
    ]
  }
}
