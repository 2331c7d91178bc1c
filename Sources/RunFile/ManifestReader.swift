import HDF5
import RunData

/// Reads back what ``RunFileBuilder`` wrote once.
struct ManifestReader {
  let file: HDF5File
  let path: String

  /// The manifest.
  /// - Throws: `HDF5Error`, or ``RunFileError`` where the file is of another schema.
  func manifest() throws -> RunManifest {
    try checkSchema()
    let scales = ScaleList.scales(try text("scales"))
    guard let scales else { throw damaged("the list of scales is no such list") }
    return RunManifest(
      runID: try text("run_id"), architecture: try text("architecture"),
      configurationJSON: try text("configuration"), contract: try contract(),
      seed: try file.number(ofAttribute: "seed", UInt64.self), corpus: try corpus(),
      machine: MachineFacts(
        program: try text("program"), cpu: try text("cpu"), blas: try text("blas"),
        threads: try integer("threads")),
      gradients: try gradients(), scales: scales, operationNames: try names("operation"),
      stemOperationNames: try names("stem_operation"),
      hasLossScale: try file.contains(RunSchema.lossScale),
      hasWeights: try file.contains("weight_l1"), hasUpdates: try file.contains("update_l1"),
      hasNoise: try file.contains("noise_sum_squares"),
      hasOutputMoments: try file.contains("activation_count"),
      hasExampleNorms: try file.contains(RunSchema.normExamples),
      metrics: try TaskMetric.allCases.filter { try file.contains(RunSchema.variable(of: $0)) },
      modelDim: try integer("model_dim"), ffnDim: try integer("ffn_dim"),
      headCount: try integer("head_count"),
      headDim: try file.hasAttribute("head_dim") ? integer("head_dim") : nil,
      evaluations: try evaluations(), startedAt: try text("started_at"), packing: try packing())
  }

  private func evaluations() throws -> [EvaluationLayout] {
    guard try file.contains(EvaluationCounts.tokens) else { return [] }
    let names = try names(RunSchema.Dimension.evaluation.rawValue)
    let counts = try EvaluationCounts.variables.map {
      try fixed($0.name, Int64.self, [names.count]).map { Int($0) }
    }
    return EvaluationCounts.layouts(names: names, counts: counts)
  }

  private func packing() throws -> Packing? {
    guard try file.hasAttribute(RunSchema.packedEvery) else { return nil }
    let packing = Packing(
      every: try integer(RunSchema.packedEvery), recordedSteps: try integer(RunSchema.packedSteps))
    guard packing.every > 0 else { throw damaged("it was thinned to every \(packing.every)th step") }
    return packing
  }

  /// The checksum of the manifest as it was written.
  func storedChecksum() throws -> UInt32 {
    try file.number(ofAttribute: "manifest_checksum", UInt32.self)
  }

  private func checkSchema() throws {
    guard try file.hasAttribute("schema_name"), try text("schema_name") == RunSchema.name else {
      throw RunFileError(.foreign, path: path, "is an HDF5 file, but not a run file of nf-probe")
    }
    let version = try file.number(ofAttribute: "schema_version", Int64.self)
    guard (1...RunSchema.latestVersion).contains(version) else {
      throw RunFileError(
        .version, path: path,
        "has schema version \(version); this program reads versions 1 to \(RunSchema.latestVersion)")
    }
  }

  private func contract() throws -> NumberContract {
    NumberContract(
      loss: try text("loss"), reduction: try text("reduction"), scope: try text("scope"),
      unit: try text("unit"), gradientScale: try text("gradient_scale"), measuredAt: try text("measured_at"),
      accumulation: try text("accumulation"), objective: try text("objective"))
  }

  private func corpus() throws -> CorpusFacts {
    CorpusFacts(
      name: try text("corpus_name"), sha256: try text("corpus_sha256"),
      tokenCount: try file.hasAttribute("corpus_token_count") ? integer("corpus_token_count") : nil,
      vocabularySize: try integer("vocabulary_size"),
      unigramEntropy: try file.number(ofAttribute: "unigram_entropy", Double.self),
      entropyRate: try file.hasAttribute("entropy_rate")
        ? file.number(ofAttribute: "entropy_rate", Double.self) : nil)
  }

  private func gradients() throws -> GradientLayout {
    let layers = try names("layer_name")
    let tensors = try names("tensor")
    let stem = try names("stem_tensor")
    guard !layers.isEmpty, !tensors.isEmpty else { throw damaged("it names no layers or no tensors") }
    let grid = [layers.count, tensors.count]
    var layout = GradientLayout(
      layerNames: layers, tensorNames: tensors, stemTensorNames: stem,
      elementCounts: try fixed("gradient_count", Int64.self, grid).map(Int.init),
      stemElementCounts: stem.isEmpty
        ? [] : try fixed("stem_gradient_count", Int64.self, [stem.count]).map(Int.init),
      isZeroByConstruction: try fixed("gradient_zero_by_construction", UInt8.self, grid).map { $0 != 0 },
      stemIsZeroByConstruction: stem.isEmpty
        ? [] : try fixed("stem_gradient_zero_by_construction", UInt8.self, [stem.count]).map { $0 != 0 })
    if try file.contains(RunSchema.expertCount) {
      let shape = try file.dataset(RunSchema.expertCount).shape()
      guard shape.count == 2, shape[1] > 0 else { throw damaged("\(RunSchema.expertCount) is no grid") }
      layout.experts = ExpertLayout(
        count: shape[1],
        elementCounts: try fixed(RunSchema.expertCount, Int64.self, [layers.count, shape[1]]).map(Int.init))
    }
    return layout
  }

  private func fixed<Element: HDF5Element>(_ name: String, _ type: Element.Type, _ shape: [Int]) throws
    -> [Element]
  {
    let dataset = try file.dataset(name)
    guard try dataset.shape() == shape, try dataset.description().elementClass == Element.storage.elementClass
    else {
      throw damaged("\(name) does not have the shape \(shape)")
    }
    return try dataset.read(type)
  }

  /// The strings of a coordinate; none where there is no such coordinate.
  private func names(_ name: String) throws -> [String] {
    guard try file.contains(name) else { return [] }
    let dataset = try file.dataset(name)
    guard try dataset.shape().count == 1 else { throw damaged("\(name) is no list") }
    return try dataset.readStrings()
  }

  private func text(_ name: String) throws -> String {
    try file.text(ofAttribute: name)
  }

  private func integer(_ name: String) throws -> Int {
    Int(try file.number(ofAttribute: name, Int64.self))
  }

  private func damaged(_ detail: String) -> RunFileError {
    RunFileError(.damaged, path: path, "could not be read: the file is damaged (\(detail))")
  }
}
