import Analysis
import RunData
import RunFile
import Text

/// Reads the runs of a report: first what every section needs, later gradients a few tensors at a time.
public struct ReportReading {
  /// The runs, in the order of the files.
  public let reported: [ReportedRun]
  /// The operation whose mismatch is shown.
  public let choice: OperationChoice
  private let statistic: GradientStatistic
  private let files: ReportFiles
  private let reading: GuardedReading
  private let readers: [String: RunFileReader]

  /// - Parameters:
  ///   - operation: a name or a pattern; nil for the usual operation.
  ///   - window: the steps that outputs are read over; nil for the second half of what all runs have reached.
  /// - Throws: where a file is no run file or damaged, or two hold one run.
  public init(
    files: ReportFiles, reading: GuardedReading, operation: String?, statistic: GradientStatistic,
    window: StepWindow?
  ) throws {
    var readers: [String: RunFileReader] = [:]
    var inOrder: [RunFileReader] = []
    for path in files.paths {
      let reader = try reading.open(path)
      let id = reader.manifest.runID
      if let other = readers[id] {
        throw RunReadingError.failed(
          "\(other.path) and \(path) hold the same run (\(id)); name one of them, or the folder of one")
      }
      readers[id] = reader
      inOrder.append(reader)
    }
    // The tensors of another stack than the deepest one lie outside of the grid.
    let surveys = try inOrder.map { reader in
      reader.manifest.gradients == reader.recordedGradients ? try reading.trainingSurvey(reader) : nil
    }
    let layouts = zip(inOrder.map(\.manifest), surveys)
      .filter { !ReportedRun.isStabilityTest($0.0) }
      .map { ($0.gradients, $0.gradients.trained($1?.untrained ?? [])) }
    do {
      choice = try OperationChoice(operation, among: layouts.map(\.0), trained: layouts.map(\.1))
    } catch {
      throw RunReadingError.operation(error)
    }
    // One window for all: a table of outputs has one in its title.
    let shown =
      window
      ?? .defaultWindow(
        for: inOrder.filter { !ReportedRun.isStabilityTest($0.manifest) }.map(\.steps))
    reported = try zip(inOrder, surveys).map { [choice] reader, survey in
      var reported = try Self.run(reader, reading, choice.operation, statistic)
      reported.untrained = survey?.untrained ?? []
      reported.deadExperts = survey?.deadExperts ?? []
      if !reported.isStabilityTest {
        reported.parameters = try reading.parameterMeans(reader)
        reported.alerts = try reading.alerts(reader)
        reported.run.outputSummary = try reading.outputSummary(
          reader, window: shown.range(in: reader.steps))
        reported.run.noise = try reading.noise(reader, tensors: nil, window: nil)
        reported.run.exampleNoise = try reading.exampleNoise(reader, window: nil)
      }
      return reported
    }
    self.statistic = statistic
    self.files = files
    self.reading = reading
    self.readers = readers
  }

  /// Some tensors of some runs over a window.
  public func gradients(of ids: Set<String>, _ tensors: [String], _ window: StepWindow) throws
    -> [RecordedRun]
  {
    try reported.map(\.run.manifest).filter { ids.contains($0.runID) }.compactMap { manifest in
      guard let reader = readers[manifest.runID] else { return nil }
      return try reading.read(
        reader, tensors: tensors.filter(manifest.gradients.tensorNames.contains),
        window: window.lower..<(window.upper ?? .max), parameters: !statistic.isOfGradient, warns: false)
    }
  }

  /// The runs by the paths of their files.
  public var byPath: [String: RecordedRun] {
    Dictionary(uniqueKeysWithValues: zip(files.paths, reported.map(\.run)))
  }

  private static func run(
    _ reader: RunFileReader, _ reading: GuardedReading, _ operation: String,
    _ statistic: GradientStatistic
  ) throws -> ReportedRun {
    let manifest = reader.manifest
    let isTest = ReportedRun.isStabilityTest(manifest)
    let tensors = isTest ? [] : [operation].filter(manifest.gradients.tensorNames.contains)
    let hasScales = manifest.scaleTensorNames.contains(where: GainName.isShown)
    let isGrowing = if case .growing = reader.state { true } else { false }
    let run = try reading.read(
      reader, tensors: tensors, outputs: isTest, parameters: !statistic.isOfGradient)
    let attempts = try reading.attempts(reader).map {
      ReportedRun.Attempt(segment: $0.segment, firstStep: $0.firstStep, end: $0.end, machine: $0.machine)
    }
    var reported = ReportedRun(
      run: run, fileName: ReportFiles.shown("/\(reader.path)"), isGrowing: isGrowing,
      snapshots: hasScales && !isTest ? try reading.scaleSnapshots(reader) : [],
      schedule: LearningRateSchedule.configured(manifest), attempts: attempts)
    reported.damage = damage(to: reader, isGrowing: isGrowing)
    if !isTest, let step = reported.nonfiniteSteps.first {
      reported.nonfinite = try nonfinite(at: step, in: reader, reading)
    }
    return reported
  }

  /// What of a file could not be used.
  private static func damage(to reader: RunFileReader, isGrowing: Bool) -> [String] {
    var found: [String] = []
    if !reader.isManifestIntact {
      found.append(
        "attributes or coordinates of its file are not as they were written; do not trust what they say")
    }
    for (table, rows) in reader.damagedRows.sorted(by: { $0.key < $1.key }) {
      found.append(
        "\(counted(rows.count, "damaged row")) of \(table) left out; `nf-probe verify` shows which")
    }
    if reader.untrustedRows > 0, !isGrowing {
      found.append("the last \(counted(reader.untrustedRows, "step")) were not finished, and are left out")
    }
    return found
  }

  /// The tensors whose gradients are not finite at a step.
  private static func nonfinite(
    at step: Int, in reader: RunFileReader, _ reading: GuardedReading
  ) throws -> ReportedRun.Nonfinite {
    let layout = reader.recordedGradients
    let recorded = Set(reader.stepVariables.map(\.name))
    let inLayers = layout.layerNames.flatMap { layer in layout.tensorNames.map { "\(layer).\($0)" } }
    let variables = [("gradient_nonfinite", inLayers), ("stem_gradient_nonfinite", layout.stemTensorNames)]
      .filter { recorded.contains($0.0) }
    var tensors: [String] = []
    try reading.forEachBlock(reader, of: variables.map(\.0), window: step..<step + 1) { block in
      for (values, (_, names)) in zip(block.values, variables) {
        let missing = Double(TensorSums.missingCount)
        tensors += zip(values, names).filter { $0.0 > 0 && $0.0 != missing }.map(\.1)
      }
    }
    return ReportedRun.Nonfinite(step: step, tensors: tensors)
  }
}
