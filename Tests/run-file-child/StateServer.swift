import Glibc
import RunData
import RunFile
import RunFileTestSupport

/// Looks at many files in one process: `run-file-child serve`, with one request a line.
///
///     check PATH     every row against its rule and its checksum
///     repair PATH    the repair
///     read PATH      what a damaged file still gives: only rows that follow their rule may come out of it
///     watch PATH     every row of a growing file, as soon as it shows, until its writer ends
///
/// Each request is answered by one line, `ok`, numbers by name, or `error` and what was wrong. The sizes of the sample
/// run follow from the file's own manifest.
struct StateServer {
  func run() {
    while let line = readLine() {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard words.count == 2 else { return say("error no request: \(line)", to: 1) }
      do {
        let answer =
          switch words[0] {
          case "repair": try repair(words[1])
          case "read": try read(words[1])
          case "watch": try watch(words[1])
          default: try check(words[1])
          }
        say("ok " + answer, to: 1)
      } catch {
        say("error \(error)".replacing("\n", with: " "), to: 1)
      }
    }
  }

  private func repair(_ path: String) throws -> String {
    let report = try RunFileRepair.repair(path: path)
    let cut = report.tables.reduce(0) { $0 + $1.cutRows }
    return "kept=\(report.tables[0].keptRows) cut=\(cut) changed=\(report.isChanged ? 1 : 0)"
  }

  private func watch(_ path: String) throws -> String {
    let reader = try RunFileReader(path: path)
    var (seen, refreshes, isLast) = (0, 0, false)
    while !isLast {
      // The writer may end between a look at the lock and one at the rows.
      isLast = if case .growing = reader.state { false } else { true }
      try reader.refresh()
      refreshes += 1
      try checkSteps(reader, from: seen)
      guard reader.damagedRows.isEmpty, reader.untrustedRows == 0 else {
        throw Mismatch("checksums: \(reader.damagedRows), \(reader.untrustedRows) unfinished")
      }
      seen = reader.steps.count
    }
    return "steps=\(seen) refreshes=\(refreshes)"
  }

  /// Compares rows with the rules of the sample run of this size.
  private func checkSteps(_ reader: RunFileReader, from first: Int) throws {
    guard reader.steps.dropFirst(first).elementsEqual(first..<max(first, reader.steps.count)) else {
      throw Mismatch("the steps: \(reader.steps)")
    }
    try checkRows(reader, from: first) { _ in }
  }

  private func checkRows(_ reader: RunFileReader, from first: Int, seen: (Int) -> Void) throws {
    let sample = sample(of: reader)
    try reader.forEachBlock(of: reader.stepVariables.map(\.name), window: first..<Int.max) { block in
      seen(block.steps.count)
      for (row, step) in block.steps.enumerated() {
        for (values, (name, rule)) in zip(block.values, rules(sample.record(step))) {
          let width = rule.count
          guard Array(values[row * width..<(row + 1) * width]) == rule else {
            throw Mismatch("\(name) of step \(step)")
          }
        }
      }
    }
  }

  private func read(_ path: String) throws -> String {
    let reader = try RunFileReader(path: path)
    let result = try reader.verify()
    guard result.isManifestIntact else { return "intact=0 steps=0 snapshots=0 unfinished=0" }
    var steps = 0
    do {
      try checkRows(reader, from: 0) { steps += $0 }
    } catch let error as RunFileError {
      // What cannot be read has been found to be damaged.
      guard !result.isIntact else { throw error }
    }
    let snapshots = try checkedSnapshots(reader)
    try checkNoise(reader)
    try checkEvaluations(reader)
    return "intact=\(result.isIntact ? 1 : 0) steps=\(steps) snapshots=\(snapshots) "
      + "unfinished=\(result.tables.reduce(0) { $0 + $1.unfinishedRows })"
  }

  private func sample(of reader: RunFileReader) -> SampleRun {
    let layout = reader.manifest.gradients
    return SampleRun(
      layers: layout.layerCount, tensors: layout.tensorNames.count, stem: layout.stemTensorNames.count,
      hasParameters: reader.manifest.hasWeights, hasNoise: reader.manifest.hasNoise,
      evaluations: reader.manifest.evaluations.count)
  }

  private func check(_ path: String) throws -> String {
    let reader = try RunFileReader(path: path)
    let sample = sample(of: reader)
    guard reader.manifest == sample.manifest, reader.isManifestIntact else { throw Mismatch("the manifest") }
    try checkSteps(reader, from: 0)
    let snapshots = try checkedSnapshots(reader)
    try checkNoise(reader)
    guard reader.damagedRows.isEmpty, try reader.verify().isIntact else {
      throw Mismatch("checksums: \(reader.damagedRows)")
    }
    let isClosed = reader.state == .closed ? 1 : 0
    return "steps=\(reader.steps.count) snapshots=\(snapshots) closed=\(isClosed)"
  }

  private func checkedSnapshots(_ reader: RunFileReader) throws -> Int {
    let snapshots = try reader.scaleSnapshots()
    let sample = sample(of: reader)
    for snapshot in snapshots where !isEqual(snapshot.values, sample.snapshot(snapshot.step).values) {
      throw Mismatch("the snapshot after \(snapshot.step)")
    }
    return snapshots.count
  }

  /// Every fifth step's, as far as they are there; damaged ones are left out.
  private func checkNoise(_ reader: RunFileReader) throws {
    guard let noise = try reader.noise(tensors: ["tensor2.weight"]) else { return }
    let (sample, layout) = (sample(of: reader), reader.manifest.gradients)
    for (record, step) in noise.steps.enumerated() {
      let rule = sample.noise(step)
      for layer in 0..<layout.layerCount {
        let cell = layout.index(layer: layer, tensor: 2)
        guard step % 5 == 0, noise.squares[layer][record] == rule.squares[cell],
          noise.partSquares[layer][record] == rule.partSquares[cell] / Double(rule.parts)
        else { throw Mismatch("the noise of step \(step)") }
      }
    }
  }

  /// Every tenth update's, as far as they are there; damaged ones are left out.
  private func checkEvaluations(_ reader: RunFileReader) throws {
    let sample = sample(of: reader)
    for record in try reader.evaluationRecords() {
      let rule = sample.evaluation(record.step)
      let areAccuraciesEqual = zip(record.accuracies, rule.accuracies).allSatisfy {
        $0 == $1 || ($0.isNaN && $1.isNaN)
      }
      guard record.step % 10 == 0, record.losses == rule.losses, areAccuraciesEqual else {
        throw Mismatch("the evaluation after \(record.step)")
      }
    }
  }

  /// What every step variable of a record must hold, in file order.
  private func rules(_ record: StepRecord) -> [(String, [Double])] {
    let alone: [(String, Double)] = [
      ("segment", 0), ("loss", record.loss), ("learning_rate", record.learningRate),
      ("gradient_l2", record.gradientL2), ("clip_coefficient", record.clipCoefficient),
      ("tokens", Double(record.tokens)), ("seconds", record.seconds),
    ]
    return alone.map { ($0, [$1]) } + sums("gradient", record.gradients)
      + sums("stem_gradient", record.stemGradients)
  }

  private func sums(_ name: String, _ sums: SumColumns) -> [(String, [Double])] {
    [
      (name + "_l1", sums.l1), (name + "_sum_squares", sums.sumSquares), (name + "_max_abs", sums.maxAbs),
      (name + "_zeros", sums.zeros.map(Double.init)), (name + "_nonfinite", sums.nonfinite.map(Double.init)),
    ]
  }

  private func isEqual(_ first: [[Float]], _ second: [[Float]]) -> Bool {
    first.map { $0.map(\.bitPattern) } == second.map { $0.map(\.bitPattern) }
  }

  struct Mismatch: Error, CustomStringConvertible {
    let description: String

    init(_ what: String) { description = "not what was written: \(what)" }
  }
}
