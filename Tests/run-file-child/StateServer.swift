import Glibc
import RunData
import RunFile
import RunFileTestSupport

/// Looks at many files in one process: `run-file-child serve`, with one request a line.
///
///     check PATH     every row against its rule and its checksum
///     repair PATH    the repair
///
/// Each request is answered by one line, `ok`, numbers by name, or `error` and what was wrong. The sizes of the sample
/// run follow from the file's own manifest.
struct StateServer {
  func run() {
    while let line = readLine() {
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard words.count == 2 else { return say("error no request: \(line)", to: 1) }
      do {
        say("ok " + (words[0] == "repair" ? try repair(words[1]) : try check(words[1])), to: 1)
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

  private func check(_ path: String) throws -> String {
    let reader = try RunFileReader(path: path)
    let layout = reader.manifest.gradients
    let sample = SampleRun(
      layers: layout.layerCount, tensors: layout.tensorNames.count, stem: layout.stemTensorNames.count)
    guard reader.manifest == sample.manifest, reader.isManifestIntact else { throw Mismatch("the manifest") }
    guard reader.steps == Array(0..<reader.steps.count) else { throw Mismatch("the steps: \(reader.steps)") }
    let variables = reader.stepVariables.map(\.name)
    try reader.forEachBlock(of: variables) { block in
      for (row, step) in block.steps.enumerated() {
        for (values, (name, rule)) in zip(block.values, rules(sample.record(step))) {
          let width = rule.count
          guard Array(values[row * width..<(row + 1) * width]) == rule else {
            throw Mismatch("\(name) of step \(step)")
          }
        }
      }
    }
    let snapshots = try reader.scaleSnapshots()
    for snapshot in snapshots where !isEqual(snapshot.values, sample.snapshot(snapshot.step).values) {
      throw Mismatch("the snapshot after \(snapshot.step)")
    }
    guard reader.damagedRows.isEmpty, try reader.verify().isIntact else {
      throw Mismatch("checksums: \(reader.damagedRows)")
    }
    let isClosed = reader.state == .closed ? 1 : 0
    return "steps=\(reader.steps.count) snapshots=\(snapshots.count) closed=\(isClosed)"
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
