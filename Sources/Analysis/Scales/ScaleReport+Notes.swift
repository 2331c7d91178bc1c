import Charts
import RunData
import Statistics
import Text

// What a reader has to know beside the numbers, in sentences.

extension ScaleReport {
  /// Of the distributions.
  var distributionNotes: [String] {
    let near = NumberText.shortest(options.near)
    var notes = entries.count > 1 ? entries.map { "\($0.group.label): \($0.origin)." } : []
    notes.append(
      "q1, median, q3: linear between order statistics, as NumPy has it. ≈ 0, ≈ 1: share within \(near) of it."
    )
    if entries.contains(where: { $0.group.isPooled }) {
      notes.append("Elements of all seeds together." + seedNote)
    }
    return notes + caveats.map { $0 + "." }
  }

  private var seedNote: String {
    let hasIntervals = entries.contains { $0.group.sources.count >= 3 }
    return " median, seeds: mean of the seeds' medians"
      + (hasIntervals
        ? ", with Student's t interval (95 %) over the seeds." : "; no interval below three seeds.")
  }

  /// Of trends.
  var trendNotes: [String] {
    let trend = "Rank correlation: Spearman's, of the layers' medians with depth" + pooledTrend + "."
    return [
      testNote.isEmpty ? trend : "\(trend) \(testNote)",
      "|x - 1|: mean over all elements of all layers; \(startNote).",
    ] + decayNotes
      + (headScales.allSatisfy { $0.profile.smallHeads.isEmpty } ? [headNote].compactMap { $0 } : [])
  }

  /// Where scales begin.
  private var startNote: String {
    guard !beginsAtOne else { return "gains and scales begin at 1" }
    var notes: [String] = []
    for entry in entries {
      for profile in entry.profiles {
        let start = entry.layout(profile.name).initialValue
        guard start != 1 else { continue }
        let words =
          start.map { "begins at \(NumberText.shortest($0))" } ?? "begins at another value in each layer"
        let note = "\(GainName.short(profile.name)) \(words)"
        if !notes.contains(note) { notes.append(note) }
      }
    }
    return notes.joined(separator: ", ") + "; all others begin at 1"
  }

  /// Every HeadScale.
  var headScales: [(entry: Entry, profile: ScaleProfile)] {
    entries.flatMap { entry in
      entry.profiles.filter { GainName.isHeadScale($0.name) }.map { (entry, $0) }
    }
  }

  /// How many heads have a small γ; nil where no model has γ.
  var headNote: String? {
    let heads = headScales.flatMap(\.profile.heads).joined().reduce(0) { $0 + $1.count }
    guard heads > 0 else { return nil }
    let small = headScales.reduce(0) { $0 + $1.profile.smallHeads.count }
    let limit = NumberText.shortest(options.small)
    return small == 0
      ? "None of \(heads) heads has |γ| below \(limit)."
      : "\(small) of \(heads) heads; layers and heads are counted from 0."
  }

  /// What a trend of several seeds is, as the end of a sentence.
  var pooledTrend: String {
    let seeds = entries.map(\.group.sources.count).max() ?? 1
    guard seeds > 1 else { return "" }
    return "; of several seeds their mean"
      + (seeds >= 3 ? ", with Student's t interval (95 %, cut off at ±1) from three seeds on" : "")
  }

  /// How the p-values were found.
  var testNote: String {
    let methods = entries.filter { !$0.group.isPooled }.flatMap(\.profiles).flatMap(\.correlations).filter {
      $0.pValue.isFinite
    }.map(\.method)
    let orders: String
    switch (methods.contains(.exact), methods.contains(.random)) {
    case (true, false): orders = "all orders of the layers"
    case (false, true): orders = Self.randomOrders
    case (true, true):
      orders = "all orders of up to \(DepthCorrelation.exactLimit) layers, else \(Self.randomOrders)"
    case (false, false): return ""
    }
    return "p: two-sided permutation test over \(orders)."
  }

  private static let randomOrders = "\(DepthCorrelation.permutationCount) random orders, the same each time"

  /// What weight decay did, once for all groups of which the same is to be said.
  var decayNotes: [String] {
    var notes: [(labels: [String], text: String)] = []
    for entry in entries {
      let text = entry.decaySentence
      if let index = notes.firstIndex(where: { $0.text == text }) {
        notes[index].labels.append(entry.group.label)
      } else {
        notes.append(([entry.group.label], text))
      }
    }
    return notes.map { notes.count > 1 ? "\($0.labels.joined(separator: "; ")): \($0.text)" : $0.text }
  }
}

extension ScaleReport.Entry {
  /// Where the values are from: `step 300, seeds 0, 1, 2`, or `a checkpoint`.
  var origin: String {
    guard let step = group.step else { return "a checkpoint" }
    let seeds = group.sources.indices.compactMap { group.seed($0) }.map { "\($0)" }
    return "step \(step), seed\(seeds.count > 1 ? "s" : "") \(seeds.joined(separator: ", "))"
  }

  /// What weight decay alone would have done to a gain of 1.
  var decaySentence: String {
    switch decay {
    case .acted(let weightDecay, _, _) where profiles.allSatisfy { layout($0.name).isStoredMinusOne }:
      return
        "Weight decay \(NumberText.shortest(weightDecay)) acted on gains, too; they are stored minus one, so that alone it"
        + " would have left a gain of 1 where it was."
    case .acted(let weightDecay, let rates, let factors):
      let number = factors[group.snapshots[0]]
      // Of a short run, as many digits as tell it from 1.
      let digits = (4...12).first { Double(NumberText.significant(number, digits: $0)) != 1 } ?? 4
      let factor = NumberText.significant(number, digits: digits)
      let updates = group.step.map { "\($0)" } ?? "its"
      return
        "Weight decay \(NumberText.shortest(weightDecay)) acted on gains and scales, too: alone it would have taken a"
        + " gain of 1 to \(factor) in \(updates) updates (\(rates.rawValue))."
    case .absent(let reason): return "Weight decay did nothing to gains and scales: \(reason)."
    case .unknown(let reason): return "What weight decay did to gains and scales is not known: \(reason)."
    }
  }
}
