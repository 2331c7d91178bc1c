import Foundation
import RunData
import RunFile
import RunFileTestSupport
import Testing

/// Damaged run files, read as a command reads them: whatever the library does, the outcome is a result or a message.
@Suite(.timeLimit(.minutes(30))) struct DamagedFileTests {
  let folder: TemporaryFolder
  let bytes: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    let path = folder.file("whole.h5")
    let sample = SampleRun(operations: 2)
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<30 { try writer.append(sample.record(step)) }
    try writer.append(sample.snapshot(30))
    try writer.append(ValidationRecord(step: 30, loss: 4))
    try writer.finish(status: .finished)
    bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func read(_ bytes: [UInt8], _ name: String) throws -> Program.Outcome {
    let path = folder.file(name)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let outcome = try Program.run(Program.built("isolation-child"), ["read", path], in: folder)
    #expect(!outcome.isKilled && (outcome.status == 0 || outcome.status == 1), "\(outcome)")
    if outcome.status == 1 { #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)") }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(bytes))
    return outcome
  }

  @Test func wholeFilesAreRead() throws {
    let outcome = try read(bytes, "copy.h5")
    #expect(outcome.output.hasPrefix("30 steps, intact") && outcome.output.hasSuffix("exited(0)\n"))
  }

  @Test func truncatedFilesAreRefused() throws {
    for numerator in [1, 3, 6, 9] {
      let outcome = try read(Array(bytes.prefix(bytes.count * numerator / 10)), "cut\(numerator).h5")
      #expect(outcome.status == 1 && outcome.errors.contains("is cut off"), "\(outcome)")
    }
  }

  @Test func flippedBytesAreFoundOrHarmless() throws {
    let environment = ProcessInfo.processInfo.environment
    var generator = SeededGenerator(seed: environment["NF_PROBE_FUZZ_SEED"].flatMap(UInt64.init) ?? 1)
    let trials = environment["NF_PROBE_FUZZ_TRIALS"].flatMap(Int.init) ?? 120
    let whole = try read(bytes, "whole-copy.h5").output
    var counts: [String: Int] = [:]
    for trial in 0..<trials {
      var damaged = bytes
      for _ in 0...(generator.next() % 8) {
        damaged[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      let outcome = try read(damaged, "flipped.h5")
      if outcome.output.contains("intact") {
        // Bytes that hold nothing were hit; what was read is what had been written.
        #expect(outcome.output == whole, "trial \(trial)")
        counts["harmless", default: 0] += 1
      } else if outcome.output.contains("damaged,") {
        counts["found by checksum", default: 0] += 1
      } else {
        counts[outcome.output, default: 0] += 1
      }
    }
    print("\(trials) files with flipped bytes: \(counts.sorted { $0.key < $1.key })")
    #expect(counts.values.reduce(0, +) == trials && (counts["harmless"] ?? 0) < trials)
  }
}
