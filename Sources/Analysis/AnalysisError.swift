import RunData
import Text

/// Why an analysis cannot be made, in words for the person who asked for it.
public enum AnalysisError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No run was given.
  case noRuns
  /// The same run was given twice.
  case duplicateRun(id: String, label: String)
  /// Runs whose numbers do not mean the same.
  case mixedContracts(first: String, second: String, differences: [String])
  /// No run has the operation; what they have instead.
  case noSuchOperation(name: String, available: [String])
  /// A pattern that several operations have.
  case ambiguousOperation(pattern: String, matches: [String])
  /// The operation's gradient is zero by construction.
  case zeroByConstruction(operation: String, label: String)
  /// No layer trains the operation at any step of the window.
  case notTrained(operation: String, label: String, window: StepWindow)
  /// An operation whose weights or updates have no such statistic in a group in the window: they were not measured, or the weights
  /// are zero.
  case notMeasured(statistic: GradientStatistic, operation: String, label: String, window: StepWindow)
  /// Runs imported from a log that does not have the norm; the statistics that it has.
  case normNotRecorded(statistic: GradientStatistic, label: String, available: [GradientStatistic])
  /// Runs that have not recorded what a statistic of weights and updates is made of.
  case parametersNotRecorded(statistic: GradientStatistic, label: String)
  /// Runs whose batches were not looked at by parts.
  case noiseNotRecorded(label: String)
  /// A run that recorded nothing in the window.
  case emptyWindow(window: StepWindow, label: String, recorded: ClosedRange<Int>?)
  /// A ratio is between two groups of runs.
  case notTwoGroups(labels: [String])
  /// Text that names no group of runs, or several.
  case noSuchBase(String, among: [String])
  /// Runs of different depths, whose layers cannot be put side by side.
  case unequalDepths(labels: [String], depths: [Int])
  /// Models of different depths, whose scales cannot be put side by side.
  case unequalScaleDepths(labels: [String], depths: [Int])
  /// Models none of which has a scale of those asked for; the gains that each has.
  case noScales(labels: [String], gains: [[String]])
  /// Seeds of one group that have no snapshot of the same step.
  case noSharedSnapshot(label: String)
  /// Two runs that recorded no step of the window in common.
  case noSharedSteps(window: StepWindow, labels: [String])
  /// A stability test of a run whose learning rate does not rise at every update.
  case notARamp(label: String, decay: String?)
  /// A stability test of a run that has not recorded the outputs of its operations.
  case noOutputs(label: String)
  /// A run that has not recorded how large its operations' outputs are; whether it has their maxima.
  case outputsNotRecorded(label: String, hasMaxima: Bool)
  /// Text that names no threshold of a finding, or no number for it.
  case badThreshold(String)
  /// A run without a single step.
  case noSteps(label: String)
  /// Columns of a summary from which no rows can be made, and why.
  case summary(String)
  /// Text that is no window.
  case badWindow(String)
  /// Text that names no layers, or a layer that a run does not have.
  case badLayers(String, layerCount: Int?)

  /// What is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .noRuns:
      return "no runs to analyse: name at least one run file"
    case .duplicateRun(let id, let label):
      return "the run \(id) (\(label)) was given twice: name each run once"
    case .mixedContracts(let first, let second, let differences):
      let list = differences.joined(separator: "; ")
      return
        "the numbers of \(first) and \(second) do not mean the same (\(list)): compare runs recorded under"
        + " one contract, or ask for mixed contracts explicitly"
    case .noSuchOperation(let name, let available):
      guard !available.isEmpty else { return "no run has recorded '\(name)'; recorded are: none" }
      let ranked = nearestFirst(to: name, among: available)
      let meant = isNear(name, to: ranked[0]) ? " (did you mean \(ranked[0])?)" : ""
      return "no run has recorded '\(name)'\(meant); recorded are, the nearest first: \(listed(ranked))"
    case .ambiguousOperation(let pattern, let matches):
      return
        "'\(pattern)' stands for \(matches.count) operations: \(listed(matches)); name one, or make the pattern longer"
    case .zeroByConstruction(let operation, let label):
      return "the gradient of '\(operation)' is zero by construction in \(label): what is recorded is"
        + " rounding noise, and a ratio of it means nothing; choose another operation"
    case .notTrained(let operation, let label, let window):
      return
        "'\(operation)' is not trained in \(label) at any of the window's \(window.title), so it has no gradient: choose"
        + " another operation or window (`nf-probe info` says what trains when)"
    case .notMeasured(let statistic, let operation, let label, let window):
      return
        "'\(operation)' has no \(statistic.rawValue) in \(label) at any of the window's \(window.title): its weights are zero, or"
        + " were not measured there"
    case .normNotRecorded(let statistic, let label, let available):
      let choices = available.map { "--statistic \($0.rawValue)" }.joined(separator: " or ")
      return
        "\(label) was imported from a log without what \(statistic.rawValue) is made of: "
        + (choices.isEmpty ? "it has the largest elements alone" : "ask for \(choices)")
    case .parametersNotRecorded(let statistic, let label):
      return
        "\(label) has not recorded the weights and updates that \(statistic.rawValue) is made of: runs of today's program do,"
        + " unless they are told not to"
    case .noiseNotRecorded(let label):
      return
        "\(label) has not recorded what noise is told from: record with --noise 4, in PyTorch with noise_every, to have it"
    case .emptyWindow(let window, let label, let recorded):
      let has = recorded.map { "it has steps \($0.lowerBound) to \($0.upperBound)" } ?? "it has no steps yet"
      return "\(label) has recorded none of the window's \(window.title): \(has)"
    case .notTwoGroups(let labels):
      let found =
        labels.count == 1 ? "one: \(labels[0])" : "\(labels.count): \(labels.joined(separator: "; "))"
      return "a ratio is between two groups of runs that differ in more than their seed; here is \(found)"
    case .noSuchBase(let text, let labels):
      return
        "--base \(text) names no single group of runs; write the architecture or the whole label of one of:"
        + " \(labels.joined(separator: "; "))"
    case .unequalDepths(let labels, let depths):
      return
        "\(labels[0]) has \(depths[0]) layers and \(labels[1]) \(depths[1]): a ratio layer by layer needs equal"
        + " depths; `nf-probe grads` shows runs of different depths beside each other"
    case .unequalScaleDepths(let labels, let depths):
      return
        "\(labels[0]) has \(depths[0]) layers and \(labels[1]) \(depths[1]): scales are shown beside each other"
        + " layer by layer; ask for each depth by itself"
    case .noScales(let labels, let gains):
      return zip(labels, gains).map(Self.missingScales).joined(separator: "; ")
    case .noSharedSnapshot(let label):
      return
        "the seeds of \(label) have no snapshot of the same step in common: name one run, or RUN@STEP for each"
    case .noSharedSteps(let window, let labels):
      return "\(labels.joined(separator: " and ")) recorded no step of \(window.title) in common"
    case .notARamp(let label, let decay):
      let found = decay.map { "its schedule is \($0)" } ?? "its configuration names no schedule"
      return
        "\(label) is no stability test: \(found), and the learning rate must rise at every update (made by"
        + " `nf-probe stability`, or with --decay ramp)"
    case .noOutputs(let label):
      return
        "\(label) has not recorded the outputs of its operations, so which one overflowed cannot be told:"
        + " record them with --activations"
    case .outputsNotRecorded(let label, let hasMaxima):
      return
        "\(label) has not recorded how large the outputs of its operations are"
        + (hasMaxima ? " but for their maxima, being made by an earlier program" : "")
        + ": record with --activations to have it"
    case .badThreshold(let text):
      let usual = FindingThresholds.Key.allCases.map { "\($0.rawValue)=\(NumberText.shortest($0.usual))" }
      return
        "'\(text)' is no threshold: write name=number, each name once; these are usual: \(usual.joined(separator: ", "))"
    case .noSteps(let label):
      return "\(label) has recorded no step yet"
    case .summary(let problem): return problem
    case .badWindow(let text):
      return "'\(text)' is no step window: write A:B, the steps from A up to but not including B, such as"
        + " 300:600"
    case .badLayers(let text, let layerCount):
      let range = layerCount.map { "; the run has layers 0 to \($0 - 1)" } ?? ""
      return "'\(text)' names no layers\(range): write numbers such as 0,1,6,-2,-1 (negative ones count from"
        + " the end), or all"
    }
  }

  /// What a model has instead of the scales that NormFormer adds.
  static func missingScales(of label: String, gains: [String]) -> String {
    guard !gains.isEmpty else { return "\(label) has no gains or learned scales in its layers" }
    return
      "\(label) has none of the scales that NormFormer adds (ffn_layernorm, attn_ln, c_attn, w_resid); its"
      + " layers' gains are \(gains.joined(separator: ", ")), which --all shows"
  }
}
