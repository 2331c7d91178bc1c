import Charts
import Documents
import RunData
import Text

/// What a report is to show, and how.
public struct ReportOptions: Sendable {
  /// Its title; nil for one that names the groups.
  public var title: String?
  /// The operation whose mismatch is shown layer by layer.
  public var operation: String
  /// What is shown of it.
  public var statistic: GradientStatistic
  /// What the figure of noise and signal shows, where it was asked for; the noise scale unless stated.
  public var noise: NoiseQuantity?
  /// The steps that means of gradients run over; nil for the usual windows.
  public var window: StepWindow?
  /// The group that others are compared with: an architecture, or a group's label or its beginning; nil for Pre-LN, else the
  /// first.
  public var base: String?
  /// Whether the paper's own boxes of learned scales are drawn below.
  public var addsPaper: Bool
  /// Whether runs are shown together whose numbers do not mean the same.
  public var allowsMixedContracts: Bool
  /// Name and version of the program.
  public var program: String
  /// The command line that asks for the report.
  public var command: String

  /// From which number on findings speak.
  public var thresholds: FindingThresholds
  /// Creates options.
  public init(
    title: String? = nil, operation: String = OperationChoice.usual,
    statistic: GradientStatistic = .l1, noise: NoiseQuantity? = nil, window: StepWindow? = nil,
    base: String? = nil,
    addsPaper: Bool = false, allowsMixedContracts: Bool = false,
    thresholds: FindingThresholds = .usual, program: String, command: String
  ) {
    self.title = title
    self.operation = operation
    self.statistic = statistic
    self.noise = noise
    self.window = window
    self.base = base
    self.addsPaper = addsPaper
    self.allowsMixedContracts = allowsMixedContracts
    self.thresholds = thresholds
    self.program = program
    self.command = command
  }
}

/// Everything that a set of runs shows, as a ``Document``.
public struct RunReport {
  /// Reads some tensors of some runs, by run id, over a window: a run is given what it has of them.
  public typealias GradientReading = (
    _ runIDs: Set<String>, _ tensors: [String], _ window: StepWindow
  ) throws -> [RecordedRun]

  /// The runs in the order of their groups.
  public let runs: [ReportedRun]
  /// Groups of runs that train, as ``RunGroup`` has them.
  public let groups: [RunGroup]
  /// Groups of stability tests.
  public let stabilityGroups: [RunGroup]
  /// What is shown.
  public let options: ReportOptions
  /// Sweeps whose folders are among what the report was asked for.
  public let sweeps: [SweepReport]
  /// For each of ``groups`` the position of the group that it is compared with; its own for one that is compared with none.
  let bases: [Int]
  /// The mismatch of the operation; why there is none.
  let mismatch: Result<MismatchReport, AnalysisError>?
  /// The mismatch of every operation.
  let operations: [OperationMismatch]
  /// The gradients of every other group over those of its base.
  let ratios: [GroupRatio]
  /// The noise scale, of groups that have recorded it.
  let noise: NoiseReport?

  /// A group's gradients over its base's, or why there is no ratio.
  struct GroupRatio {
    let base: RunGroup
    let group: RunGroup
    let ratio: Result<GradientRatio, AnalysisError>
  }

  /// Groups the runs, and reads what more is needed of them.
  ///
  /// - Parameters:
  ///   - runs: with the operation's gradients where they have it.
  ///   - gradients: reads more of them; called a few tensors at a time.
  /// - Throws: ``AnalysisError`` for runs that must not be shown together, for a base that is no group, and for an operation
  ///   that no run has; and what `gradients` throws.
  public init(
    runs: [ReportedRun], options: ReportOptions, sweeps: [SweepReport] = [], gradients: GradientReading
  ) throws {
    self.options = options
    self.sweeps = sweeps
    // All together, for what must not be shown together; apart, for labels that say no more than they have to.
    _ = try RunGroup.groups(of: runs.map(\.run), allowsMixedContracts: options.allowsMixedContracts)
    groups = try Self.groups(of: runs.filter { !$0.isStabilityTest })
    stabilityGroups = try Self.groups(of: runs.filter(\.isStabilityTest))
    let byID = Dictionary(uniqueKeysWithValues: runs.map { ($0.run.manifest.runID, $0) })
    self.runs = (groups + stabilityGroups).flatMap(\.runs).compactMap { byID[$0.manifest.runID] }
    bases = try Self.bases(options.base, among: groups)
    mismatch = try Self.mismatch(groups, options)
    operations = try Self.operations(groups, mismatch, gradients)
    ratios = try Self.ratios(groups, bases: bases, options, gradients)
    noise = Self.noise(groups, options.window)
    if options.noise != nil, noise == nil {
      throw AnalysisError.noiseNotRecorded(label: groups.first?.label ?? "run")
    }
  }

  /// The whole report.
  public var document: Document {
    Document(
      title: options.title ?? defaultTitle, lead: lead, findings: findings,
      sections: [
        summarySection, lossSection,
      ] + [evaluationSection].compactMap(\.self) + [
        mismatchSection, operationSection, ratioSection,
      ] + [noiseSection, outputSection].compactMap(\.self) + [
        scaleSection, optimizationSection, timeSection, stabilitySection,
      ] + sweepSections + [wiringSection, configurationSection, provenanceSection, definitionSection],
      program: options.program)
  }

  /// All groups, stability tests last and called so.
  var allGroups: [(label: String, group: RunGroup)] {
    groups.map { ($0.label, $0) } + stabilityGroups.map { (testLabel($0), $0) }
  }

  /// What a stability test is called beside runs that train.
  private func testLabel(_ group: RunGroup) -> String {
    groups.isEmpty ? group.label : "\(group.label), stability test"
  }

  private var labels: [String] { allGroups.map(\.label) }

  /// The reported runs of a group.
  func reported(_ group: RunGroup) -> [ReportedRun] {
    let ids = Set(group.runs.map(\.manifest.runID))
    return runs.filter { ids.contains($0.run.manifest.runID) }
  }

  /// A figure's caption has the program and the command in its metadata.
  var origin: (program: String, command: String) { (options.program, options.command) }

  private var defaultTitle: String {
    if labels.count <= 4, labels.allSatisfy({ !$0.contains(", ") }) {
      return "Gradients of \(labels.joined(separator: ", "))"
    }
    var architectures: [String] = []
    for (_, group) in allGroups {
      let title = architectureTitle(group.manifest.architecture)
      if !architectures.contains(title) { architectures.append(title) }
    }
    let groups = counted(labels.count, "group") + " of runs"
    return architectures.count <= 4
      ? "Gradients of \(architectures.joined(separator: ", ")): \(groups)" : "Gradients of \(groups)"
  }

  private var lead: [String] {
    let seeds = Set(runs.map(\.run.manifest.seed)).count
    var corpora: [String] = []
    for name in runs.map(\.run.manifest.corpus.name) where !corpora.contains(name) { corpora.append(name) }
    return [
      "\(counted(runs.count, "run")) in \(counted(labels.count, "group")) (runs of a group differ in their seed"
        + " alone), \(counted(seeds, "seed")), trained on \(corpora.joined(separator: ", ")). Gradients are those of"
        + " the mean token loss, before clipping; what every number means stands at the end."
    ]
  }

  // MARK: - What the sections need

  private static func groups(of runs: [ReportedRun]) throws(AnalysisError) -> [RunGroup] {
    guard !runs.isEmpty else { return [] }
    return GroupLabels.shortened(try RunGroup.groups(of: runs.map(\.run), allowsMixedContracts: true))
  }

  /// Nil where no run trains.
  private static func mismatch(
    _ groups: [RunGroup], _ options: ReportOptions
  ) throws(AnalysisError) -> Result<MismatchReport, AnalysisError>? {
    guard !groups.isEmpty else { return nil }
    do {
      return .success(
        try MismatchReport(
          groups: groups, operation: options.operation, statistic: options.statistic, window: options.window))
    } catch {
      // A name that no run knows and a window that none reaches are mistakes of the call; what runs lack is for the report
      // to say.
      switch error {
      case .noSuchOperation: throw .noSuchOperation(name: options.operation, available: names(groups))
      case .emptyWindow where options.window != nil: throw error
      default: return .failure(error)
      }
    }
  }

  /// Tensors of any group's layers, in the order in which data pass them.
  static func names(_ groups: [RunGroup]) -> [String] {
    var names: [String] = []
    for name in groups.flatMap(\.manifest.gradients.tensorNames) where !names.contains(name) {
      names.append(name)
    }
    return names
  }

  private static func ratios(
    _ groups: [RunGroup], bases: [Int], _ options: ReportOptions, _ gradients: GradientReading
  ) throws -> [GroupRatio] {
    try groups.indices.filter { bases[$0] != $0 }.map { index in
      let pair = [groups[bases[index]], groups[index]]
      let window = options.window ?? GradientRatio.defaultWindow(pair.flatMap(\.runs))
      // Groups that cannot be compared are not read.
      guard Set(pair.map(\.manifest.gradients.layerCount)).count == 1 else {
        return GroupRatio(base: pair[0], group: pair[1], ratio: Self.ratio(pair[0], pair[1], window))
      }
      let sides = try pair.map { group in
        let read = try gradients(Set(group.runs.map(\.manifest.runID)), Self.names(pair), window)
        return RunGroup(label: group.label, runs: read)
      }
      return GroupRatio(base: pair[0], group: pair[1], ratio: Self.ratio(sides[0], sides[1], window))
    }
  }

  private static func ratio(
    _ base: RunGroup, _ other: RunGroup, _ window: StepWindow
  ) -> Result<GradientRatio, AnalysisError> {
    Result { () throws(AnalysisError) in try GradientRatio(base: base, other: other, window: window) }
  }
}
