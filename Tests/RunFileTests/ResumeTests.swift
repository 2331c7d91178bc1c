import RunData
import RunFileTestSupport
import Testing

@testable import RunFile

/// A run that goes on in the file of an earlier attempt: rows that are made again must be the same, and none is doubled.
@Suite struct ResumeTests {
  let folder: TemporaryFolder
  let path: String
  let sample = SampleRun(operations: 2)

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("run.h5")
  }

  private func append(_ steps: Range<Int>, to writer: RunFileWriter) throws {
    for step in steps {
      try writer.append(sample.record(step))
      if step % 4 == 0 { try writer.append(sample.snapshot(step)) }
      if step % 6 == 0 { try writer.append(ValidationRecord(step: step, loss: 5 - Double(step) / 512)) }
    }
  }

  private func interrupted(at step: Int) throws {
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    try append(0..<step, to: writer)
    try writer.finish(status: .interrupted)
  }

  @Test(arguments: [0, 3, 9, 10])
  func aRunGoesOnAndRowsMadeAgainAreNotDoubled(firstStep: Int) throws {
    try interrupted(at: 10)
    let writer = try RunFileWriter(resuming: path, manifest: sample.manifest, firstStep: firstStep)
    #expect(writer.segment == 1)
    try append(firstStep..<20, to: writer)
    try writer.finish(status: .finished)

    let reader = try RunFileReader(path: path)
    #expect(reader.steps == Array(0..<20) && reader.state == .closed)
    #expect(try reader.verify().isIntact && reader.status.value == .finished)
    let run = try reader.read(tensors: ["tensor2.weight"])
    #expect(run.segments == (0..<20).map { $0 < 10 ? 0 : 1 })
    #expect(run.loss == run.steps.map { sample.record($0).loss })
    #expect(try reader.scaleSnapshots().map(\.step) == [0, 4, 8, 12, 16])
    #expect(run.validation.map(\.step) == [0, 6, 12, 18])
    #expect(
      try reader.attempts().map { [$0.segment, $0.firstStep] } == [[0, 0], [1, firstStep]])
    #expect(try reader.attempts().map(\.end) == [.interrupted, .finished])
  }

  @Test func evaluationsMadeAgainAreNotDoubled() throws {
    let sample = SampleRun(evaluations: 2)
    func append(_ updates: [Int], to writer: RunFileWriter) throws {
      for count in updates {
        try writer.append(sample.record(count))
        try writer.append(sample.evaluation(count))
      }
    }
    let first = try RunFileWriter(creating: path, manifest: sample.manifest)
    try append([3, 6, 9], to: first)
    try first.finish(status: .interrupted)
    let second = try RunFileWriter(resuming: path, manifest: sample.manifest, firstStep: 5)
    try append([6, 9, 12], to: second)
    var other = sample.evaluation(6)
    other.losses[1] += 1
    #expect(throws: RunFileError.self) { try second.append(other) }
    try second.finish(status: .finished)
    #expect(try RunFileReader(path: path).evaluationRecords().map(\.step) == [3, 6, 9, 12])
  }

  @Test func aFileOfBeforeWeightsWereRecordedGoesOnWithoutThem() throws {
    try interrupted(at: 10)
    let today = SampleRun(operations: 2, hasParameters: true)
    let writer = try RunFileWriter(resuming: path, manifest: today.manifest, firstStep: 8)
    for step in 8..<14 { try writer.append(today.record(step)) }
    try writer.finish(status: .finished)
    let reader = try RunFileReader(path: path)
    #expect(try reader.verify().isIntact && reader.steps == Array(0..<14))
    #expect(reader.manifest == sample.manifest)
  }

  @Test func aStepThatDiffersIsRefusedAndTheFileStaysAsItWas() throws {
    try interrupted(at: 10)
    let writer = try RunFileWriter(resuming: path, manifest: sample.manifest, firstStep: 4)
    var other = sample.record(5)
    other.gradients.l1[3] = other.gradients.l1[3].nextUp
    try writer.append(sample.record(4))
    let error = #expect(throws: RunFileError.self) { try writer.append(other) }
    #expect(error?.reason == .mismatch && "\(error!)".contains("step 5"))
    try writer.finish(status: .failed)
    let reader = try RunFileReader(path: path)
    #expect(try reader.verify().isIntact && reader.steps == Array(0..<10))
  }

  /// Time passes differently in every attempt.
  @Test func theWallClockMayDiffer() throws {
    try interrupted(at: 3)
    let writer = try RunFileWriter(resuming: path, manifest: sample.manifest, firstStep: 0)
    var slower = sample.record(0)
    slower.seconds = 99
    try writer.append(slower)
    try writer.finish(status: .interrupted)
    #expect(try RunFileReader(path: path).read(tensors: []).seconds[0] == sample.record(0).seconds)
  }

  @Test func anotherRunsFileIsRefused() throws {
    try interrupted(at: 3)
    var other = sample
    other.manifest.runID = "fedcba9876543210"
    let error = #expect(throws: RunFileError.self) {
      try RunFileWriter(resuming: path, manifest: other.manifest, firstStep: 3)
    }
    #expect(error?.reason == .mismatch)
  }

  @Test func aSecondWriterIsRefused() throws {
    try interrupted(at: 3)
    let writer = try RunFileWriter(resuming: path, manifest: sample.manifest, firstStep: 3)
    let error = #expect(throws: RunFileError.self) {
      try RunFileWriter(resuming: path, manifest: sample.manifest, firstStep: 3)
    }
    #expect(error?.reason == .locked)
    try writer.finish(status: .interrupted)
  }
}
