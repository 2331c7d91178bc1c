import HDF5
import RunData
import RunFileTestSupport
import Testing

@testable import RunFile

@Suite struct RoundTripTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("run.h5")
  }

  /// A finished run of `steps` steps.
  private func write(_ sample: SampleRun, steps: Int, status: RunStatus = .finished) throws {
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<steps {
      try writer.append(sample.record(step))
      if step % 100 == 0 { try writer.append(sample.snapshot(step)) }
      if step % 150 == 0 { try writer.append(ValidationRecord(step: step, loss: 5 - Double(step) / 512)) }
    }
    try writer.finish(status: status)
  }

  /// What scales begin at and how they are kept comes back, and so does the width of heads, which the checksum covers.
  @Test func scalesOfOtherPlacementsComeBack() throws {
    var sample = SampleRun()
    sample.manifest.headDim = 5
    sample.manifest.scales = [
      ScaleLayout(name: "attn_ln", axis: .modelElement, isStoredMinusOne: true),
      ScaleLayout(name: "q_layer_norm", axis: .headElement, initialValue: nil),
      ScaleLayout(name: "ffn_layer_scale", axis: .single, initialValue: 0.1),
    ]
    try RunFileWriter(creating: path, manifest: sample.manifest).finish(status: .finished)
    let reader = try RunFileReader(path: path)
    #expect(reader.manifest == sample.manifest && reader.isManifestIntact)
    var other = sample.manifest
    other.headDim = 6
    #expect(other.checksum != sample.manifest.checksum)
  }

  @Test func readerReturnsWhatWasWritten() throws {
    let sample = SampleRun(operations: 3)
    try write(sample, steps: 1300)
    let reader = try RunFileReader(path: path)
    #expect(reader.manifest == sample.manifest && reader.isManifestIntact)
    #expect(reader.state == .closed && reader.status.value == .finished && reader.untrustedRows == 0)
    #expect(reader.steps == Array(0..<1300))
    let run = try reader.read(tensors: ["tensor2.weight", "tensor3.weight"])
    #expect(run.steps == reader.steps && run.segments.allSatisfy { $0 == 0 } && run.status == .finished)
    #expect(run.loss == run.steps.map { sample.record($0).loss })
    #expect(run.tokens == run.steps.map { 512 + $0 } && run.seconds.allSatisfy { $0 == 0.0625 })
    #expect(run.learningRate == run.steps.map { sample.record($0).learningRate })
    #expect(
      run.validation == (0..<9).map { ValidationRecord(step: $0 * 150, loss: 5 - Double($0 * 150) / 512) })
    let series = try #require(run.gradients["tensor3.weight"])
    #expect(run.gradients.count == 2 && series.elementCounts == [0, 17, 21])
    #expect(series.isZeroByConstruction == [false, false, false])
    for layer in 0..<3 {
      #expect(series.l1[layer] == run.steps.map { SampleRun.value($0, 0, layer * 4 + 3) })
      #expect(series.sumSquares[layer] == series.l1[layer].map { $0 * $0 })
    }
    let snapshots = try reader.scaleSnapshots()
    #expect(snapshots.map(\.step) == Array(stride(from: 0, to: 1300, by: 100)))
    let expected = sample.snapshot(200)
    #expect(snapshots[2].values[0] == expected.values[0] && snapshots[2].values[2] == expected.values[2])
    #expect(snapshots[2].values[1].prefix(2).allSatisfy { $0.isNaN })
    let verification = try reader.verify()
    #expect(verification.isIntact && verification.tables.map(\.unfinishedRows) == [0, 0, 0, 0])
    #expect(verification.tables.map(\.name) == ["step", "snapshot", "validation_step", "event"])
    #expect(verification.tables.map(\.keys.count) == [1300, 13, 9, 2])
    #expect(verification.tables[2].keys == run.validation.map(\.step))
    #expect(try folder.names() == ["run.h5"])
  }

  /// Rows of their own, of texts and tasks, and counts that do not change; a text has no accuracy.
  @Test func evaluationsComeBack() throws {
    let sample = SampleRun(evaluations: 3)
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<30 {
      try writer.append(sample.record(step))
      if step % 7 == 6 { try writer.append(sample.evaluation(step + 1)) }
    }
    try writer.finish(status: .finished)
    let reader = try RunFileReader(path: path)
    #expect(reader.manifest == sample.manifest && reader.isManifestIntact)
    #expect(try reader.verify().isIntact && reader.verify().tables.map(\.name).contains("evaluation_step"))
    let records = try reader.evaluationRecords()
    #expect(records.map(\.step) == [7, 14, 21, 28])
    for record in records {
      let rule = sample.evaluation(record.step)
      #expect(record.losses == rule.losses && record.accuracies[1] == rule.accuracies[1])
      #expect(record.accuracies[0].isNaN && record.accuracies[2].isNaN)
    }
    #expect(try reader.evaluationRecords(in: 8..<21).map(\.step) == [14])
    #expect(try reader.read(tensors: []).evaluations.count == 4)
    let others = SampleRun(evaluations: 2)
    #expect(throws: RunFileError.self) {
      try RunFileWriter(resuming: path, manifest: others.manifest, firstStep: 3)
    }
  }

  /// Rows of their own, of the steps that were looked at by parts; sums over tensors as they are asked for.
  @Test func noiseComesBack() throws {
    let sample = SampleRun(hasNoise: true)
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<30 {
      try writer.append(sample.record(step))
      if step % 7 == 0 { try writer.append(sample.noise(step)) }
    }
    try writer.finish(status: .finished)
    let reader = try RunFileReader(path: path)
    #expect(reader.manifest == sample.manifest && reader.isManifestIntact)
    #expect(try reader.verify().isIntact && reader.verify().tables.map(\.name).contains("noise_step"))
    let all = try #require(try reader.noise())
    #expect(all.steps == [0, 7, 14, 21, 28] && all.parts == Array(repeating: 4, count: 5))
    #expect(all.partTokens == Array(repeating: 128, count: 5) && all.placeCount == 4)
    let layout = sample.manifest.gradients
    for (record, step) in all.steps.enumerated() {
      let rule = sample.noise(step)
      for layer in 0..<3 {
        let cells = (0..<4).map { layout.index(layer: layer, tensor: $0) }
        #expect(all.squares[layer][record] == cells.reduce(0) { $0 + rule.squares[$1] })
        #expect(all.partSquares[layer][record] == cells.reduce(0) { $0 + rule.partSquares[$1] } / 4)
      }
      #expect(all.squares[3][record] == rule.stemSquares.reduce(0, +))
    }
    let one = try #require(try reader.noise(tensors: ["tensor1.weight"], window: 7..<22))
    #expect(one.steps == [7, 14, 21] && one.squares[3] == [0, 0, 0])
    #expect(one.squares[2][1] == sample.noise(14).squares[layout.index(layer: 2, tensor: 1)])
    #expect(try RunFileReader(path: path).manifest.hasWeights == false)
    #expect(throws: RunFileError.self) { try reader.noise(tensors: ["tensor9.weight"]) }
  }

  /// Weights and updates make a file of the second version; without them it is one of the first.
  @Test func weightsAndUpdatesComeBack() throws {
    let sample = SampleRun(hasLossScale: true, hasParameters: true)
    try write(sample, steps: 700)
    let reader = try RunFileReader(path: path)
    #expect(reader.manifest == sample.manifest && reader.isManifestIntact)
    #expect(try reader.verify().isIntact)
    let names = reader.stepVariables.map(\.name)
    #expect(
      names.suffix(4) == [
        "update_max_abs", "stem_update_l1", "stem_update_sum_squares", "stem_update_max_abs",
      ])
    let series = try reader.read(tensors: ["tensor2.weight"], window: 600..<603, parameters: true)
      .gradients["tensor2.weight"]
    func squares(_ kind: Int, _ layer: Int) -> [Double] {
      (600..<603).map { step in
        let value = SampleRun.value(step, kind, layer * 4 + 2)
        return value * value
      }
    }
    for layer in 0..<3 {
      #expect(series?.weightSquares?[layer] == squares(6, layer))
      #expect(series?.updateSquares?[layer] == squares(8, layer))
    }
    #expect(try reader.read(tensors: ["tensor2.weight"]).gradients["tensor2.weight"]?.weightSquares == nil)
    var stem: [Double] = []
    try reader.forEachBlock(of: ["stem_weight_max_abs"], window: 9..<10) { stem = $0.values[0] }
    #expect(stem == (0..<2).map { SampleRun.value(9, 7, $0) / 4 })
  }

  /// What runs of a stability test record beside the rest: operations after the layers, the loss scale, the ending.
  @Test(arguments: [RunStatus.overflow, .diverged, .lossScaleExhausted])
  func outputsOfAllOperationsComeBackInForwardOrder(status: RunStatus) throws {
    let sample = SampleRun(operations: 2, stemOperations: 3, hasLossScale: true)
    try write(sample, steps: 700, status: status)
    let reader = try RunFileReader(path: path)
    #expect(reader.manifest == sample.manifest && reader.isManifestIntact && reader.status.value == status)
    #expect(try reader.verify().isIntact)
    let outputs = try #require(try reader.read(tensors: [], window: 600..<603, outputs: true).outputs)
    let first = outputs.places.prefix(3).map(\.description).joined(separator: " ")
    #expect(
      first == "decoder.layers.0.operation0 decoder.layers.0.operation1 decoder.layers.1.operation0")
    #expect(outputs.places.suffix(3).map(\.name) == (0..<3).map { "decoder.operation\($0)" })
    let expected = (600..<603).map { step -> [Double] in
      let layers: [Double] = (0..<6).map { SampleRun.value(step, 2, $0) / 4 }
      return layers + (0..<3).map { SampleRun.value(step, 4, $0) / 4 }
    }
    #expect(outputs.values == expected)
    #expect(try reader.read(tensors: []).outputs == nil)
    let names = reader.stepVariables.map(\.name)
    #expect(names.count == 7 + 20 + 10 + 1 && names.last == "loss_scale")
    #expect(reader.stepVariables.first { $0.name == "stem_activation_l1" }?.axis == .stemOperation)
    try reader.forEachBlock(of: ["loss_scale"], window: 3..<5) { #expect($0.values == [[32, 25.6]]) }
  }

  @Test func windowsAndUnknownTensors() throws {
    let sample = SampleRun()
    try write(sample, steps: 40)
    let reader = try RunFileReader(path: path)
    let run = try reader.read(tensors: ["tensor0.weight"], window: 10..<13)
    #expect(run.steps == [10, 11, 12] && run.loss.count == 3)
    #expect(run.gradients["tensor0.weight"]?.l1[2] == (10..<13).map { SampleRun.value($0, 0, 8) })
    #expect(try reader.read(tensors: [], window: 90..<95).steps.isEmpty)
    let error = #expect(throws: RunFileError.self) { try reader.read(tensors: ["fc9.weight"]) }
    #expect(error?.reason == .mismatch && "\(error!)".contains("tensor0.weight, tensor1.weight"))
  }

  @Test func blocksGoThroughEveryVariable() throws {
    let sample = SampleRun(operations: 2)
    try write(sample, steps: 700)
    let reader = try RunFileReader(path: path)
    let names = reader.stepVariables.map(\.name)
    #expect(names.count == 7 + 20)
    #expect(reader.stepVariables.first { $0.name == "activation_zeros" }?.axis == .layerOperation)
    var steps: [Int] = []
    var nonfinite: [Double] = []
    try reader.forEachBlock(of: ["gradient_nonfinite", "stem_gradient_l1"], window: 5..<690) { block in
      #expect(block.values[1].count == block.steps.count * 2)
      #expect(block.values[1].first == SampleRun.value(block.steps[0], 1, 0))
      steps += block.steps
      nonfinite += block.values[0]
    }
    #expect(steps == Array(5..<690))
    #expect(nonfinite == steps.flatMap { step in (0..<12).map { _ in Double(step % 3) } })
    #expect(throws: RunFileError.self) { try reader.forEachBlock(of: ["step"]) { _ in } }
  }

  @Test func emptyRunsAndRunsWithoutOptionalPartsAreWhole() throws {
    var sample = SampleRun(layers: 1, tensors: 1, stem: 0)
    sample.manifest.scales = []
    sample.manifest.corpus.tokenCount = 1_000_000_007
    sample.manifest.corpus.entropyRate = nil
    try write(sample, steps: 0, status: .interrupted)
    let reader = try RunFileReader(path: path)
    #expect(reader.manifest == sample.manifest && reader.isManifestIntact)
    #expect(reader.steps.isEmpty && reader.status.value == .interrupted)
    #expect(try reader.scaleSnapshots().isEmpty && reader.read(tensors: ["tensor0.weight"]).steps.isEmpty)
    #expect(try reader.verify().isIntact)
  }

  @Test func equalRunsHaveEqualRowChecksums() throws {
    let sample = SampleRun()
    func checksums(_ name: String, seconds: Double) throws -> [UInt32] {
      let writer = try RunFileWriter(creating: folder.file(name), manifest: sample.manifest)
      for step in 0..<5 {
        var record = sample.record(step)
        record.seconds = seconds
        try writer.append(record)
      }
      try writer.finish(status: .finished)
      return try HDF5File(opening: folder.file(name), mode: .reading).dataset("row_checksum").read(
        UInt32.self)
    }
    let slow = try checksums("slow.h5", seconds: 9)
    #expect(try checksums("fast.h5", seconds: 1) == slow && Set(slow).count == 5)
  }

  @Test func nonfiniteSumsAreKept() throws {
    let sample = SampleRun()
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    var record = sample.record(0)
    record.loss = .nan
    record.gradients.l1[5] = .infinity
    record.gradients.nonfinite[5] = 14
    try writer.append(record)
    try writer.finish(status: .nonfinite)
    let reader = try RunFileReader(path: path)
    let run = try reader.read(tensors: ["tensor1.weight"])
    #expect(run.loss[0].isNaN && run.status == .nonfinite)
    #expect(run.gradients["tensor1.weight"]?.l1[1] == [.infinity])
    #expect(try reader.verify().isIntact)
  }

  @Test(arguments: [0, 5])
  func pythonReadsEveryDatasetAndAttribute(operations: Int) throws {
    let sample = SampleRun(layers: 4, tensors: 5, stem: 3, operations: operations)
    try write(sample, steps: 1100)
    let outcome = try checkInPython(path, "finished", [4, 5, 3, operations, 1100], in: folder)
    #expect(outcome.output == "1100\n" && outcome.status == 0, "\(outcome.errors)")
  }
}

/// Has Python compare every number of a run file with the rules of ``SampleRun``.
func checkInPython(_ path: String, _ mode: String, _ numbers: [Int], in folder: TemporaryFolder) throws
  -> Program.Outcome
{
  let here = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/") ?? #filePath.endIndex))
  return try Program.run(
    Program.python(), [here + "/Python/check_run.py", path, mode] + numbers.map(String.init), in: folder)
}
