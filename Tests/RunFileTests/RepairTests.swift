import Foundation
import HDF5
import RunData
import RunFileTestSupport
import Testing

@testable import RunFile

@Suite struct RepairTests {
  let folder: TemporaryFolder
  let path: String
  let sample = SampleRun()

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("run.h5")
  }

  private func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  @Test(arguments: [1, 7, 1300])
  func killedRunsOpenPlainlyAfterwards(steps: Int) throws {
    let child = try Program.run(
      Program.built("run-file-child"), [path, "steps", "\(steps)", "interval", "0", "unfinished"], in: folder)
    #expect(child.status == 0, "\(child.errors)")
    #expect(try RunFileReader(path: path).state == .killed)
    #expect(throws: HDF5Error.self) { try HDF5File(opening: path, mode: .reading) }
    let report = try RunFileRepair.repair(path: path)
    #expect(
      report.isChanged && report.tables.map(\.name) == ["step", "snapshot", "validation_step", "event"])
    #expect(report.tables[0] == .init(name: "step", keptRows: steps, cutRows: 0))
    let reader = try RunFileReader(path: path)
    #expect(reader.state == .closed && reader.status.value == .running)
    #expect(reader.steps == Array(0..<steps))
    #expect(try reader.verify().isIntact)
    #expect(!FileManager.default.fileExists(atPath: path + ".lock"))
    let python = try checkInPython(path, "recovered", [12, 20, 3, 0, steps], in: folder)
    #expect(python.status == 0 && python.output == "\(steps)\n", "\(python.errors)")
    let once = try bytes()
    #expect(try !RunFileRepair.repair(path: path).isChanged)
    #expect(try bytes() == once)
  }

  @Test func wholeFilesStayAsTheyAre() throws {
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    for step in 0..<20 { try writer.append(sample.record(step)) }
    try writer.finish(status: .finished)
    let before = try bytes()
    let report = try RunFileRepair.repair(path: path)
    #expect(!report.isChanged && report.tables[0] == .init(name: "step", keptRows: 20, cutRows: 0))
    #expect(try bytes() == before && folder.names() == ["run.h5"])
  }

  @Test func livingWritersAreLeftAlone() throws {
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest)
    try writer.append(sample.record(0))
    try writer.flush()
    let before = try bytes()
    let child = try Program.run(Program.built("run-file-child"), [path, "repair"], in: folder)
    #expect(child.status == 1 && child.errors.contains("is being written by another process (process "))
    #expect(try bytes() == before)
    try writer.finish(status: .finished)
    #expect(try RunFileReader(path: path).steps == [0])
  }

  @Test func lockedAndForeignFilesAreRefused() throws {
    try RunFileWriter(creating: path, manifest: sample.manifest).finish(status: .finished)
    try FileManager.default.createDirectory(atPath: path + ".lock", withIntermediateDirectories: false)
    let folderInTheWay = #expect(throws: RunFileError.self) { try RunFileRepair.repair(path: path) }
    #expect(folderInTheWay?.detail == "cannot be repaired: Is a directory")
    #expect(throws: RunFileError.self) { try RunFileRepair.repair(path: folder.file("absent.h5")) }
    try Data("no run".utf8).write(to: URL(fileURLWithPath: folder.file("text.h5")))
    let text = #expect(throws: RunFileError.self) { try RunFileRepair.repair(path: folder.file("text.h5")) }
    #expect(text?.reason == .notHDF5)
    #expect(try folder.names() == ["run.h5", "run.h5.lock", "text.h5"])
  }

  /// A file of 30 steps that a repair closed, or the run itself, with something unfinished in it.
  private func closed(byItsRun: Bool = false, _ spoil: (HDF5File) throws -> Void) throws {
    let arguments = [path, "steps", "30", "layers", "3", "tensors", "4"] + (byItsRun ? [] : ["unfinished"])
    #expect(try Program.run(Program.built("run-file-child"), arguments, in: folder).status == 0)
    try RunFileRepair.repair(path: path)
    let file = try HDF5File(opening: path, mode: .writing)
    try spoil(file)
    try file.close()
  }

  @Test func rowsWithoutAMarkerAreCut() throws {
    // As between the columns of a flush: some are longer, and the marker has not come.
    try closed { file in
      try file.dataset("loss").setShape([37])
      try file.dataset("gradient_l1").setShape([34, 3, 4])
    }
    #expect(try RunFileReader(path: path).steps.count == 30)
    let report = try RunFileRepair.repair(path: path)
    #expect(report.isChanged && report.tables[0] == .init(name: "step", keptRows: 30, cutRows: 7))
    let file = try HDF5File(opening: path, mode: .reading)
    #expect(try file.dataset("loss").shape() == [30])
    #expect(try file.dataset("gradient_l1").shape() == [30, 3, 4])
    #expect(try RunFileReader(path: path).verify().isIntact)
  }

  @Test(arguments: [Int64(-1), 0])
  func rowsWithAnUnwrittenMarkerAreCut(marker: Int64) throws {
    // As after a crash of the machine: the extents reached the disk, the markers did not.
    try closed { file in
      let schema = RunSchema(SampleRun(layers: 3, tensors: 4, stem: 3).manifest)
      for column in [schema.steps.marker] + schema.steps.checksums + schema.steps.columns {
        try file.dataset(column.name).setShape([33] + schema.rowShape(column))
      }
      try file.dataset("step").write([marker, marker, 32], start: [30], count: [3])
    }
    let seen = try { (steps: $0.steps.count, unfinished: $0.untrustedRows) }(RunFileReader(path: path))
    #expect(seen == (30, 3))
    let report = try RunFileRepair.repair(path: path)
    #expect(report.tables[0] == .init(name: "step", keptRows: 30, cutRows: 3))
    #expect(try RunFileReader(path: path).verify().isIntact)
  }

  @Test func rowsBeyondTheEndOfAFinishedRunAreDamage() throws {
    try closed(byItsRun: true) { file in try file.dataset("step").setShape([20]) }
    let before = try bytes()
    #expect(try !RunFileRepair.repair(path: path).isChanged)
    #expect(try bytes() == before)
    let result = try RunFileReader(path: path).verify()
    #expect(result.tables[0].keys.count == 20 && result.tables[0].unfinishedRows == 10)
    #expect(!result.isIntact)
  }

  @Test(arguments: [5, 29])
  func damagedRowsAreKept(row: Int) throws {
    try closed { file in try file.dataset("loss").write([99.0], start: [row], count: [1]) }
    let before = try bytes()
    #expect(try !RunFileRepair.repair(path: path).isChanged)
    #expect(try bytes() == before)
    #expect(try RunFileReader(path: path).verify().damagedRows == ["step": [row]])
  }
}
