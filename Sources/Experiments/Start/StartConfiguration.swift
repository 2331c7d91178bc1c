import Corpus

/// What is measured before the first update: which models, how often, on what.
public struct StartConfiguration: Equatable, Sendable {
  /// The architectures.
  public var architectures = ArchitectureChoice.papers
  /// Numbers of layers.
  public var depths = [6, 8, 10, 12, 14]
  /// Models of each kind, with seeds from `seed` on.
  public var seeds = 10
  /// Seed of the first model's initial values and batches.
  public var seed: UInt64 = 0
  /// Batches that the mean gradient runs over.
  public var batches = 8
  /// Positions of a sequence.
  public var sequence = 64
  /// Sequences of a batch.
  public var batch = 8
  /// Sizes, additions and initial values; the depths say how many layers.
  public var model = ModelSettings()
  /// What is read.
  public var corpus = CorpusSettings()

  /// The usual measurement.
  public init() {}

  /// The usual measurement with some settings; of one that is given twice the last counts.
  /// - Throws: ``ExperimentError`` for a setting that there is not, or a value that is out of range.
  public init(_ settings: [Setting]) throws(ExperimentError) { try self.init(given: settings) }

  /// Refuses values that are out of range, or contradict each other.
  public func validate() throws(ExperimentError) {
    try corpus.validate()
    for (name, value, most) in [
      ("seeds", seeds, 1000), ("batches", batches, 1 << 20), ("sequence", sequence, 1 << 20),
      ("batch", batch, 1 << 20),
    ] where !(1...most).contains(value) {
      throw .refused("\(setting: name) must be between 1 and \(most), not \(value)")
    }
    guard depths.allSatisfy({ (1...1024).contains($0) }), Set(depths).count == depths.count else {
      throw .refused("\(setting: "depths") takes different numbers of layers between 1 and 1024")
    }
    guard Set(architectures).count == architectures.count else {
      throw .refused("\(setting: "architectures") names one of them twice")
    }
    guard model.layers == nil else {
      throw .refused("\(setting: "layers") has no place here; give \(setting: "depths")")
    }
  }

  /// Every setting, in the order in which help lists them.
  public static let keys: [ConfigurationKey<Self>] =
    [
      .value("architectures", \.architectures),
      .value("depths", \.depths),
      .value("seeds", \.seeds),
      .value("seed", \.seed),
      .value("batches", \.batches),
      .value("sequence", \.sequence),
      .value("batch", \.batch),
    ] + ModelSettings.keys.map { $0.within(\.model) } + CorpusSettings.keys.map { $0.within(\.corpus) }

  /// The settings of a run that is not trained.
  var run: RunConfiguration {
    var run = RunConfiguration()
    run.model = model
    run.corpus = corpus
    run.training.sequence = sequence
    run.training.batch = batch
    return run
  }
}

extension StartConfiguration: Configurable {}
