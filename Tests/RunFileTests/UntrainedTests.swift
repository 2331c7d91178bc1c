import RunData
import RunFileTestSupport
import Testing

@testable import RunFile

@Suite struct UntrainedTests {
  /// Tensor 0 of layer 1 is frozen from step 5 on, the second stem tensor is skipped at step 2; tensor 2 has a gradient that is not
  /// a number.
  private func record(_ sample: SampleRun, _ step: Int) -> StepRecord {
    var record = sample.record(step)
    func remove(_ columns: inout SumColumns, _ cell: Int) {
      columns.l1[cell] = .nan
      columns.sumSquares[cell] = .nan
      columns.maxAbs[cell] = .nan
      columns.zeros[cell] = TensorSums.missingCount
      columns.nonfinite[cell] = TensorSums.missingCount
    }
    if step >= 5 { remove(&record.gradients, 4) }
    if step == 2 { remove(&record.stemGradients, 1) }
    if step == 3 { record.gradients.l1[6] = .nan }
    return record
  }

  @Test func readersTellWhatDoesNotTrain() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("run.h5")
    let sample = SampleRun()
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<600 { try writer.append(record(sample, step)) }
    try writer.finish(status: .finished)

    let reader = try RunFileReader(path: path)
    let run = try reader.read(tensors: ["tensor0.weight", "tensor2.weight"])
    let series = try #require(run.gradients["tensor0.weight"])
    #expect(series.isTrained[1] == (0..<600).map { $0 < 5 })
    #expect(series.isTrained[0].allSatisfy(\.self) && series.isTrained[2].allSatisfy(\.self))
    let broken = try #require(run.gradients["tensor2.weight"])
    #expect(broken.isTrained.allSatisfy { $0.allSatisfy(\.self) } && broken.l1[1][3].isNaN)

    var survey = TrainingSurvey(sample.manifest.gradients)
    try reader.forEachBlock(of: survey.variables) { survey.add($0) }
    #expect(survey.untrained.map(\.cells) == [[4], []])
    #expect(survey.untrained.map(\.stemTensors) == [[], ["decoder.stem1"]])
    #expect(survey.untrained.map(\.gaps.stretches) == [[5...599], [2...2]])
    #expect(survey.untrained.map(\.gaps.recordCount) == [600, 600])
    #expect(try reader.verify().isIntact)
  }
}
