import Analysis
import RunData

/// The list of runs as the page gets it.
struct RunList: Codable, Sendable {
  /// One run.
  struct Row: Codable, Sendable {
    var id: String
    var name: String
    /// Counts changes.
    var version: Int
    /// What stands wrong with the file; nil where nothing does.
    var problem: String?
    var remarks: [String] = []
    /// Whether it is still to be looked at.
    var isPending = false
    /// The group of runs that differ only in their seed; nil where none can be told.
    var group: String?
    var architecture: String?
    var seed: String?
    var standing: String?
    var step: Int?
    var stepCount: Int?
    var loss: Double?
    var lossUnit: String?
    var unigramEntropy: Double?
    var entropyRate: Double?
    var isNotLearning = false
    var tokensPerSecond: Double?
    var secondsLeft: Double?
    /// When the file was last changed, in seconds since 1970.
    var changed: Double?
  }

  /// Counts changes of the list and of the runs.
  var version: Int
  var rows: [Row]
  /// The runs that are shown where none are chosen.
  var shown: [String]
  /// Whether some are still to be looked at.
  var isPartial: Bool
  var remark: String?
}

extension RunCatalog {
  /// The list as it stands.
  func list(isPartial: Bool) -> RunList {
    let isRead = ordered.allSatisfy { $0.version > 0 }
    let labels = groups(isRead: isRead)
    return RunList(
      version: version,
      rows: ordered.map { row($0, labels[$0.id], isLabelled: isRead || labels[$0.id] != nil) },
      shown: defaultChoice.map(\.id),
      isPartial: isPartial, remark: remark)
  }

  private func row(_ run: WatchedRun, _ group: String?, isLabelled: Bool) -> RunList.Row {
    var row = RunList.Row(
      id: run.id, name: run.name, version: run.version, problem: run.problem, remarks: run.remarks,
      isPending: run.version == 0, group: group)
    row.changed = run.stamp?.seconds
    guard let progress = run.progress else { return row }
    // It would stand among runs of no group, and move on at once.
    row.isPending = !isLabelled
    row.architecture = progress.architecture
    row.seed = "\(progress.seed)"
    row.standing = progress.standing
    row.step = progress.lastStep
    row.stepCount = progress.stepCount
    row.loss = progress.loss.isFinite ? progress.loss : nil
    row.lossUnit = progress.lossUnit
    row.unigramEntropy = progress.unigramEntropy
    row.entropyRate = progress.entropyRate
    row.isNotLearning = progress.isNotLearning
    row.tokensPerSecond = progress.tokensPerSecond
    row.secondsLeft = progress.secondsLeft
    return row
  }

  /// The runs beside the one that was changed last, each run once: what a page shows first.
  var defaultChoice: [WatchedRun] {
    let readable = ordered.filter { $0.progress?.lastStep != nil }
    guard let newest = readable.max(by: { ($0.stamp?.changed ?? 0) < ($1.stamp?.changed ?? 0) }) else {
      return []
    }
    let folder = Self.folder(newest.path)
    var seen: Set<String> = []
    return readable.filter { run in
      Self.folder(run.path) == folder && seen.insert(run.manifest?.runID ?? run.id).inserted
    }.suffix(Self.mostShown)
  }

  /// Runs that are shown where none are chosen.
  private static let mostShown = 12

  private static func folder(_ path: String) -> Substring {
    path.lastIndex(of: "/").map { path[..<$0] } ?? ""
  }

  /// The group of each run by its id. Runs of two files are one in groups, and are told apart by their files.
  func groupLabels() -> [String: String] {
    var byRun: [String: [String]] = [:]
    var distinct: [RecordedRun] = []
    for run in ordered {
      guard let manifest = run.manifest else { continue }
      if byRun[manifest.runID] == nil {
        distinct.append(
          RecordedRun(
            manifest: manifest, status: .running, steps: [], segments: [], loss: [], learningRate: [],
            tokens: [], seconds: [], validation: [], gradients: [:]))
      }
      byRun[manifest.runID, default: []].append(run.id)
    }
    guard let groups = try? RunGroup.groups(of: distinct, allowsMixedContracts: true) else { return [:] }
    var labels: [String: String] = [:]
    for group in groups {
      for id in group.runs.flatMap({ byRun[$0.manifest.runID] ?? [] }) { labels[id] = group.label }
    }
    return labels
  }
}
