import Foundation
import RunData
import RunFileTestSupport
import Testing

@testable import RunFile

@Suite struct FaultTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("run.h5")
  }

  private func lastFlushed(_ output: String) -> Int {
    output.split(separator: "\n").last { $0.hasPrefix("flushed ") }.flatMap { Int($0.dropFirst(8)) } ?? 0
  }

  /// Rows of a file that was left open, every one compared with its rule and its checksum.
  private func checkedRows(_ path: String) throws -> Int {
    let reader = try RunFileReader(path: path)
    #expect(reader.steps == Array(0..<reader.steps.count))
    #expect(try reader.verify().isIntact)
    let run = try reader.read(tensors: ["tensor7.weight"])
    for layer in [0, 11] {
      #expect(
        run.gradients["tensor7.weight"]?.l1[layer] == run.steps.map { SampleRun.value($0, 0, layer * 20 + 7) }
      )
    }
    return reader.steps.count
  }

  @Test(.timeLimit(.minutes(2)))
  func killedWritersLoseNothingThatWasFlushed() throws {
    var generator = SeededGenerator(seed: 20_260_101)
    for trial in 0..<12 {
      let path = folder.file("killed\(trial).h5")
      let delay = trial % 3 == 0 ? "0" : "500"
      let child = try Program(Program.built("run-file-child"), [path, "delay", delay], in: folder)
      usleep(20_000 + UInt32(generator.next() % 250_000))
      child.send(SIGKILL)
      let outcome = try child.wait()
      #expect(outcome.isKilled)
      // The file has its name only once its schema is complete.
      guard FileManager.default.fileExists(atPath: path) else {
        #expect(!outcome.output.hasPrefix("created"))
        continue
      }
      let flushed = lastFlushed(outcome.output)
      #expect(try checkedRows(path) >= flushed)
      #expect(try RunFileReader(path: path).state == .killed)
      let python = try checkInPython(path, "open", [12, 20, 3, 0, max(flushed, 1)], in: folder)
      if flushed > 0 { #expect(python.status == 0, "\(python.errors)") }
    }
  }

  @Test func fullDisksLeaveWhatWasFlushed() throws {
    for limit in [1_000_000, 3_000_000, 3_001_234] {
      let path = folder.file("full\(limit).h5")
      let outcome = try Program.run(
        Program.built("run-file-child"), [path, "limit", "\(limit)"], in: folder)
      #expect(outcome.status == 1 && !outcome.isKilled)
      #expect(outcome.errors.contains("could not be written: File too large; the "))
      let flushed = lastFlushed(outcome.output)
      #expect(flushed > 50)
      #expect(try checkedRows(path) >= flushed)
      let python = try checkInPython(path, "open", [12, 20, 3, 0, flushed], in: folder)
      #expect(python.status == 0, "\(python.errors)")
    }
  }

  @Test func fullDisksAtTheStartLeaveNoFile() throws {
    let outcome = try Program.run(Program.built("run-file-child"), [path, "limit", "2000"], in: folder)
    #expect(outcome.status == 1 && outcome.errors.contains("cannot be created: File too large"))
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(!FileManager.default.fileExists(atPath: path + ".tmp"))
    #expect(!FileManager.default.fileExists(atPath: path + ".lock"))
  }

  @Test func failedWriterRepeatsItsError() throws {
    let sample = SampleRun()
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    try writer.append(sample.record(0))
    try writer.flush()
    try FileManager.default.removeItem(atPath: path)
    let first = #expect(throws: RunFileError.self) { try writer.flush() }
    #expect(first?.reason == .vanished)
    #expect(throws: first!) { try writer.append(sample.record(1)) }
    #expect(throws: first!) { try writer.finish(status: .failed) }
    // The name is free again.
    try RunFileWriter(creating: path, manifest: sample.manifest).finish(status: .finished)
  }

  @Test func secondWriterIsToldWhoIsThere() throws {
    let sample = SampleRun()
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    let refusal = #expect(throws: RunFileError.self) {
      try RunFileWriter(creating: path, manifest: sample.manifest, replacing: true)
    }
    #expect(refusal?.reason == .locked)
    #expect("\(refusal!)".contains("process \(ProcessInfo.processInfo.processIdentifier) of nf-probe test"))
    let child = try Program.run(Program.built("run-file-child"), [path, "steps", "1"], in: folder)
    #expect(child.status == 1 && child.errors.contains("is being written by another process"))
    try writer.append(sample.record(0))
    let note = try String(contentsOfFile: path + ".lock", encoding: .utf8)
    #expect(try RunFileReader(path: path).state == .growing(writer: String(note.dropLast())))
    try writer.finish(status: .finished)
    let exists = #expect(throws: RunFileError.self) {
      try RunFileWriter(creating: path, manifest: sample.manifest)
    }
    #expect(exists?.reason == .exists)
    #expect(try RunFileReader(path: path).steps == [0])
    try RunFileWriter(creating: path, manifest: sample.manifest, replacing: true).finish(status: .finished)
    #expect(try RunFileReader(path: path).steps.isEmpty)
  }

  @Test func misfitsAreRefusedAndLeaveTheFileGood() throws {
    let sample = SampleRun()
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    try writer.append(sample.record(3))
    var misfit = sample.record(4)
    misfit.stemGradients = SumColumns(count: 5)
    #expect(throws: RunFileError.self) { try writer.append(misfit) }
    misfit = sample.record(4)
    misfit.gradients.zeros[2] = -1
    #expect(throws: RunFileError.self) { try writer.append(misfit) }
    #expect(throws: RunFileError.self) { try writer.append(sample.record(3)) }
    #expect(throws: RunFileError.self) { try writer.append(ScaleSnapshot(step: 0, values: [[1]])) }
    try writer.append(sample.record(9))
    try writer.finish(status: .finished)
    #expect(throws: RunFileError.self) { try writer.append(sample.record(10)) }
    let reader = try RunFileReader(path: path)
    #expect(reader.steps == [3, 9])
    #expect(try reader.verify().isIntact)
  }

  @Test func impossibleManifestsAndFoldersAreRefused() throws {
    var twice = SampleRun().manifest
    twice.gradients.tensorNames[1] = twice.gradients.tensorNames[0]
    var none = SampleRun().manifest
    none.ffnDim = 0
    for manifest in [twice, none] {
      let error = #expect(throws: RunFileError.self) { try RunFileWriter(creating: path, manifest: manifest) }
      #expect(error?.reason == .mismatch)
    }
    let manifest = SampleRun().manifest
    let noFolder = #expect(throws: RunFileError.self) {
      try RunFileWriter(creating: folder.file("absent/run.h5"), manifest: manifest)
    }
    #expect("\(noFolder!)".contains("there is no folder \(folder.file("absent"))"))
    let isFolder = #expect(throws: RunFileError.self) {
      try RunFileWriter(creating: folder.path, manifest: manifest, replacing: true)
    }
    #expect(isFolder?.reason == .notAFile)
    #expect(try folder.names().isEmpty)
  }

  @Test func verifyNamesTheDamagedRow() throws {
    let sample = SampleRun()
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<20 { try writer.append(sample.record(step)) }
    try writer.append(sample.snapshot(0))
    try writer.finish(status: .finished)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    // A number that occurs once: the largest absolute value of the last cell at step 17.
    let value = SampleRun.value(17, 0, 11) / 4
    let pattern = (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
    let places = bytes.indices.dropLast(7).filter { Array(bytes[$0..<$0 + 8]) == pattern }
    #expect(places.count == 1)
    bytes[places[0]] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let result = try RunFileReader(path: path).verify()
    #expect(result.damagedRows == ["step": [17]] && result.isManifestIntact && !result.isIntact)
  }

  @Test func rowsThatCannotBeReadDoNotTakeTheOthersAlong() throws {
    let sample = SampleRun(layers: 12, tensors: 20, stem: 3)
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<400 { try writer.append(sample.record(step)) }
    try writer.append(sample.snapshot(400))
    try writer.finish(status: .finished)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    // The index of the fifth chunk of 64 rows and those behind it, of one variable.
    let signature = Array("EADB".utf8)
    let place = try #require(bytes.indices.dropLast(3).first { Array(bytes[$0..<$0 + 4]) == signature })
    bytes[place + 8] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let reader = try RunFileReader(path: path)
    let run = try reader.read(tensors: ["tensor7.weight"])
    #expect(run.steps == Array(0..<256) && run.loss.count == 256 && run.status == .finished)
    #expect(run.gradients["tensor7.weight"]?.l1[11] == run.steps.map { SampleRun.value($0, 0, 227) })
    #expect(reader.damagedRows == ["step": Array(256..<400)])
    #expect(try reader.read(tensors: [], window: 300..<310).steps.isEmpty)
    var seen: [Int] = []
    try reader.forEachBlock(of: ["loss"]) { seen += $0.steps }
    #expect(seen == run.steps)
    #expect(try reader.scaleSnapshots().map(\.step) == [400])
    #expect(try RunFileReader(path: path).verify().damagedRows == ["step": Array(256..<400)])
  }

  @Test(.timeLimit(.minutes(1)))
  func readersNeverSeeATornRow() throws {
    let child = try Program(
      Program.built("run-file-child"), [path, "delay", "100", "interval", "0.01"], in: folder)
    while !child.outputSoFar.hasPrefix("created"), child.isRunning { usleep(1000) }
    let reader = try RunFileReader(path: path)
    var refreshes = 0
    let end = ContinuousClock.now + .seconds(4)
    while ContinuousClock.now < end {
      let before = reader.steps.count
      try reader.refresh()
      refreshes += 1
      #expect(reader.steps.count >= before && reader.untrustedRows == 0)
      let run = try reader.read(tensors: ["tensor7.weight"], window: before..<Int.max)
      #expect(run.loss == run.steps.map { 6 - Double($0) / 1024 })
      #expect(run.gradients["tensor7.weight"]?.l1[11] == run.steps.map { SampleRun.value($0, 0, 227) })
    }
    guard case .growing = reader.state else {
      Issue.record("the writer is alive, but the state is \(reader.state)")
      return
    }
    child.send(SIGKILL)
    let flushed = lastFlushed(try child.wait().output)
    try reader.refresh()
    #expect(reader.state == .killed && reader.steps.count >= flushed && refreshes > 20 && flushed > 100)
    #expect(try reader.verify().isIntact)
  }
}
