import RunData

/// The mismatch of one operation in several groups of runs: what `nf-probe grads` shows.
public struct MismatchReport: Sendable {
  /// One group: its mismatch, or why there is none.
  public struct Entry: Sendable {
    /// The runs.
    public let group: RunGroup
    /// Their loss against its floors.
    public let loss: LossReading
    /// Their mismatch; nil where ``problem`` says why.
    public let mismatch: Mismatch?
    /// Why there is no mismatch.
    public let problem: AnalysisError?
  }

  /// The groups: Post-LN, Pre-LN, NormFormer, then others.
  public let entries: [Entry]
  /// The operation, e.g. `fc2.weight`.
  public let operation: String
  /// What is shown of each gradient.
  public let statistic: GradientStatistic
  /// The steps that the means run over.
  public let window: StepWindow
  /// Whether the window was chosen here and not asked for.
  let isDefaultWindow: Bool
  /// The layers that tables and figures show.
  public let selection: LayerSelection

  /// Groups runs and measures each group.
  /// - Parameters:
  ///   - window: by default the second half of the steps that all runs have reached.
  ///   - allowsMixedContracts: whether runs may be compared whose numbers do not mean the same.
  /// - Throws: ``AnalysisError`` where nothing can be shown for any group, for an operation that is zero by
  ///   construction, for runs that must not be compared and for layers that do not exist.
  public init(
    runs: [RecordedRun], operation: String = OperationChoice.usual, statistic: GradientStatistic = .l1,
    window: StepWindow? = nil, selection: LayerSelection = .paper, allowsMixedContracts: Bool = false
  ) throws(AnalysisError) {
    try self.init(
      groups: RunGroup.groups(of: runs, allowsMixedContracts: allowsMixedContracts), operation: operation,
      statistic: statistic, window: window, selection: selection)
  }

  /// Measures groups of runs, under their own labels.
  /// - Precondition: there is at least one.
  init(
    groups: [RunGroup], operation: String, statistic: GradientStatistic = .l1, window: StepWindow? = nil,
    selection: LayerSelection = .paper
  ) throws(AnalysisError) {
    isDefaultWindow = window == nil
    let window = window ?? .defaultWindow(for: groups.flatMap(\.runs).map(\.steps))
    var entries: [Entry] = []
    for group in groups {
      _ = try selection.layers(of: group.manifest.gradients.layerCount)
      entries.append(
        try Self.entry(group, operation: operation, statistic: statistic, window: window))
    }
    if let problem = entries[0].problem, entries.allSatisfy({ $0.mismatch == nil }) { throw problem }
    self.entries = entries
    self.operation = operation
    self.statistic = statistic
    self.window = window
    self.selection = selection
  }

  private static func entry(
    _ group: RunGroup, operation: String, statistic: GradientStatistic, window: StepWindow
  ) throws(AnalysisError) -> Entry {
    let loss = LossReading(of: group, window: window)
    do throws(AnalysisError) {
      let mismatch = try Mismatch(of: group, operation: operation, statistic: statistic, window: window)
      return Entry(group: group, loss: loss, mismatch: mismatch, problem: nil)
    } catch {
      if case .zeroByConstruction = error { throw error }
      return Entry(group: group, loss: loss, mismatch: nil, problem: error)
    }
  }

  /// The layers shown of an entry's stack.
  func shownLayers(of entry: Entry) -> [Int] {
    // Every group's layers were checked when the report was made.
    (try? selection.layers(of: entry.group.manifest.gradients.layerCount)) ?? []
  }
}
