import HDF5
import RunData

/// An attribute of a run file, with what it says of a run. The list is in the file's order.
struct RunAttribute: Sendable {
  /// What an attribute holds, in its format.
  enum Value: Sendable {
    case text(String)
    case int64(Int)
    case uint64(UInt64)
    case uint32(UInt32)
    case float64(Double)
  }

  let name: String
  /// Whether files lack it where there is nothing to say.
  var isOptional = false
  let value: @Sendable (RunManifest) -> Value?

  private init(_ name: String, _ value: @escaping @Sendable (RunManifest) -> Value) {
    self.init(name: name, isOptional: false, value: value)
  }

  private init(name: String, isOptional: Bool, value: @escaping @Sendable (RunManifest) -> Value?) {
    (self.name, self.isOptional, self.value) = (name, isOptional, value)
  }

  private static func optional(_ name: String, _ value: @escaping @Sendable (RunManifest) -> Value?)
    -> RunAttribute
  {
    RunAttribute(name: name, isOptional: true, value: value)
  }

  /// All of them; of the numbers' contract there are as many as it has labels.
  static let all: [RunAttribute] =
    [
      RunAttribute("Conventions") { _ in .text("CF-1.10") },
      RunAttribute("schema_name") { _ in .text(RunSchema.name) },
      RunAttribute("schema_version") { .int64(Int(RunSchema.version(of: $0))) },
      RunAttribute("run_id") { .text($0.runID) },
      RunAttribute("architecture") { .text($0.architecture) },
      RunAttribute("configuration") { .text($0.configurationJSON) },
    ] + contract + [RunAttribute("seed") { .uint64($0.seed) }] + corpus + machine + shape + [
      RunAttribute("scales") { .text(ScaleList.text($0.scales)) },
      RunAttribute("started_at") { .text($0.startedAt) },
      optional(RunSchema.packedEvery) { $0.packing.map { .int64($0.every) } },
      optional(RunSchema.packedSteps) { $0.packing.map { .int64($0.recordedSteps) } },
      RunAttribute("manifest_checksum") { .uint32($0.checksum) },
    ]

  private static let contract = NumberContract.ours(objective: "").labels.enumerated().map { index, label in
    RunAttribute(label.name) { .text($0.contract.labels[index].value) }
  }

  private static let corpus = [
    RunAttribute("corpus_name") { .text($0.corpus.name) },
    RunAttribute("corpus_sha256") { .text($0.corpus.sha256) },
    optional("corpus_token_count") { $0.corpus.tokenCount.map { .int64($0) } },
    RunAttribute("vocabulary_size") { .int64($0.corpus.vocabularySize) },
    RunAttribute("unigram_entropy") { .float64($0.corpus.unigramEntropy) },
    optional("entropy_rate") { $0.corpus.entropyRate.map { .float64($0) } },
  ]

  private static let machine = [
    RunAttribute("program") { .text($0.machine.program) },
    RunAttribute("cpu") { .text($0.machine.cpu) },
    RunAttribute("blas") { .text($0.machine.blas) },
    RunAttribute("threads") { .int64($0.machine.threads) },
  ]

  private static let shape = [
    RunAttribute("model_dim") { .int64($0.modelDim) },
    RunAttribute("ffn_dim") { .int64($0.ffnDim) },
    RunAttribute("head_count") { .int64($0.headCount) },
    optional("head_dim") { $0.usesAxis(.headElement) ? .int64($0.headDim) : nil },
  ]
}

extension HDF5File {
  /// Writes what an attribute says of a run.
  func set(_ attribute: RunAttribute, of manifest: RunManifest) throws {
    switch attribute.value(manifest) {
    case .text(let text): try setAttribute(attribute.name, text)
    case .int64(let number): try setAttribute(attribute.name, Int64(number))
    case .uint64(let number): try setAttribute(attribute.name, number)
    case .uint32(let number): try setAttribute(attribute.name, number)
    case .float64(let number): try setAttribute(attribute.name, number)
    case nil: break
    }
  }
}
