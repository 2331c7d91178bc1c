import Foundation
import Glibc
import HDF5
import RunData
import RunFileTestSupport
import Testing

@testable import RunFile

/// Files that are no run files: each is refused with a reason that a person understands.
@Suite struct RefusalTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func refusal(_ path: String) -> RunFileError? {
    #expect(throws: RunFileError.self) { try RunFileReader(path: path) }
  }

  private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
    return folder.file(name)
  }

  @Test func whatIsNoHDF5FileIsNamed() throws {
    let absent = refusal(folder.file("absent.h5"))
    #expect(absent?.reason == .missing && absent?.detail == "there is no such file")
    #expect(refusal(folder.path)?.detail == "is a folder, not a run file (.h5)")
    #expect(refusal("/dev/null")?.reason == .notAFile)
    #expect(refusal(try write([], "empty.h5"))?.detail == "is empty")
    #expect(refusal(try write(Array("step,loss\n0,5\n".utf8), "text.h5"))?.detail == "is not an HDF5 file")
    var generator = SeededGenerator(seed: 3)
    let noise = (0..<10_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    #expect(refusal(try write(noise, "noise.h5"))?.reason == .notHDF5)
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    #expect(refusal(try write(signature, "signature.h5"))?.reason == .damaged)
    #expect(refusal(try write(signature + noise, "signed-noise.h5"))?.reason == .damaged)
  }

  @Test func foreignSchemasAndVersionsAreNamed() throws {
    let foreign = folder.file("foreign.h5")
    do {
      let file = try HDF5File(creating: foreign)
      _ = try file.createDataset("x", of: Double.self, shape: .fixed([2]))
    }
    let error = refusal(foreign)
    #expect(error?.reason == .foreign)
    #expect(error?.detail == "is an HDF5 file, but not a run file of nf-probe")
    let later = folder.file("later.h5")
    do {
      let file = try HDF5File(creating: later)
      try file.setAttribute("schema_name", RunSchema.name)
      try file.setAttribute("schema_version", RunSchema.latestVersion + 1)
    }
    #expect(refusal(later)?.reason == .version)
    #expect(refusal(later)?.detail == "has schema version 3; this program reads versions 1 to 2")
  }

  /// A run file of which everything but one thing is right.
  private func almost(_ name: String, _ spoil: (HDF5File, RunSchema) throws -> Void) throws -> String {
    let manifest = SampleRun().manifest
    let schema = RunSchema(manifest)
    let file = try HDF5File(creating: folder.file(name))
    try RunFileBuilder(manifest: manifest, schema: schema, file: file).build()
    try spoil(file, schema)
    try file.close()
    return folder.file(name)
  }

  @Test func structuresThatCannotBeOursAreRefused() throws {
    #expect(try RunFileReader(path: almost("good.h5") { _, _ in }).steps.isEmpty)
    let vast = try almost("vast.h5") { file, _ in
      _ = try file.createDataset(
        "vast", of: Double.self, shape: .growing(row: [1 << 17], chunkRows: 1 << 7))
    }
    #expect(refusal(vast)?.reason == .foreign)
    let deep = try almost("deep.h5") { file, _ in
      _ = try file.createDataset("deep", of: UInt8.self, shape: .fixed([1, 1, 1, 1]))
    }
    #expect(refusal(deep)?.detail == "is not a run file that can be read: deep has 4 dimensions")
    let endless = try almost("endless.h5") { file, _ in try file.dataset("step").setShape([1 << 40]) }
    #expect(refusal(endless)?.reason == .foreign)
    let unordered = try almost("unordered.h5") { file, schema in
      for column in [schema.steps.marker] + schema.steps.checksums + schema.steps.columns {
        try file.dataset(column.name).setShape([3] + schema.rowShape(column))
      }
      try file.dataset("step").write([Int64(0), 2, 1], start: [0], count: [3])
    }
    #expect(refusal(unordered)?.detail.contains("row 2 of step does not follow") == true)
  }

  @Test func lockedFilesAreNamed() throws {
    let path = try almost("locked.h5") { _, _ in }
    let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
    #expect(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    let error = refusal(path)
    #expect(error?.reason == .locked)
    #expect(error?.detail == "is locked by another program; close it there and try again")
    close(descriptor)
    #expect(try RunFileReader(path: path).state == .closed)
  }

  @Test func changedManifestsAreNoticed() throws {
    let path = try almost("manifest.h5") { _, _ in }
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let name = Array("tensor2.weight".utf8)
    let place = try #require(bytes.indices.dropLast(14).first { Array(bytes[$0..<$0 + 14]) == name })
    bytes[place] = UInt8(ascii: "s")
    let reader = try RunFileReader(path: write(bytes, "changed.h5"))
    #expect(reader.manifest.gradients.tensorNames[2] == "sensor2.weight" && !reader.isManifestIntact)
    #expect(try !reader.verify().isIntact)
  }
}
