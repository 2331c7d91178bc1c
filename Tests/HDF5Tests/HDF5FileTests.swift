import Foundation
import Glibc
import HDF5
import RunFileTestSupport
import Testing

@Suite struct HDF5FileTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("test.h5")
  }

  private func expectRoundTrip<Element: HDF5Element>(_ values: [Element]) throws {
    let file = try HDF5File(creating: folder.file("\(Element.self).h5"))
    let dataset = try file.createDataset("values", of: Element.self, shape: .fixed([values.count]))
    try dataset.write(values)
    try file.setAttribute("one", values[0])
    #expect(try dataset.read(Element.self) == values)
    #expect(try dataset.description().elementClass == Element.storage.elementClass)
    #expect(try file.number(ofAttribute: "one", Element.self) == values[0])
  }

  @Test func everyNumberFormatKeepsItsExtremes() throws {
    try expectRoundTrip([Double.leastNonzeroMagnitude, -.infinity, .pi, .greatestFiniteMagnitude])
    try expectRoundTrip([Float.leastNonzeroMagnitude, .infinity, -0.5])
    try expectRoundTrip([Int64.min, .max, -1])
    try expectRoundTrip([Int32.min, .max, -1])
    try expectRoundTrip([UInt64.max, 0])
    try expectRoundTrip([UInt32.max, 0])
    try expectRoundTrip([UInt8.max, 0])
  }

  @Test func aLockThatGoesAwayIsWaitedFor() throws {
    do { _ = try HDF5File(creating: path) }
    let descriptor = unsafe open(path, O_RDONLY)
    defer { close(descriptor) }
    try #require(flock(descriptor, LOCK_EX) == 0)
    // Held for good, it is an error, after a quarter of a second.
    #expect(throws: HDF5Error.self) { _ = try HDF5File(opening: path, mode: .reading) }
    Thread.detachNewThread {
      usleep(60_000)
      flock(descriptor, LOCK_UN)
    }
    _ = try HDF5File(opening: path, mode: .reading)
  }

  @Test func growingDatasetKeepsRowsAndFill() throws {
    let file = try HDF5File(creating: path)
    let dataset = try file.createDataset(
      "grid", of: Double.self, shape: .growing(row: [2, 3], chunkRows: 4), fill: .nan)
    #expect(try dataset.shape() == [0, 2, 3])
    try dataset.setShape([6, 2, 3])
    let rows = (0..<12).map(Double.init)
    try dataset.write(rows, start: [3, 0, 0], count: [2, 2, 3])
    #expect(try dataset.read(Double.self, start: [3, 0, 0], count: [2, 2, 3]) == rows)
    #expect(try dataset.read(Double.self, start: [3, 1, 2], count: [2, 1, 1]) == [5, 11])
    #expect(try dataset.read(Double.self, start: [0, 0, 0], count: [3, 2, 3]).allSatisfy { $0.isNaN })
    #expect(try dataset.description().layout == .chunked([4, 2, 3]))
    #expect(try dataset.read(Int64.self, start: [4, 0, 0], count: [1, 1, 2]) == [6, 7])
  }

  @Test func textKeepsItsBytes() throws {
    let strings = ["γ·λ", "", "decoder.layers.0", "日本"]
    let file = try HDF5File(creating: path)
    try file.createDataset("names", strings: strings)
    let long = String(repeating: "ä", count: 100_000)
    try file.setAttribute("long", long)
    #expect(try file.dataset("names").readStrings() == strings)
    #expect(try file.text(ofAttribute: "long") == long)
    #expect(throws: HDF5Error.self) { try file.text(ofAttribute: "long", limit: 10) }
    #expect(throws: HDF5Error.self) { try file.number(ofAttribute: "long", Double.self) }
    #expect(try file.hasAttribute("long") && !file.hasAttribute("absent"))
  }

  @Test func errorsSayWhatWasDoneAndWhy() throws {
    let missing = #expect(throws: HDF5Error.self) {
      try HDF5File(opening: folder.file("none.h5"), mode: .reading)
    }
    #expect(missing?.systemMessage == "No such file or directory")
    #expect("\(missing!)" == "opening \(folder.file("none.h5")): No such file or directory")
    let file = try HDF5File(creating: path)
    let absent = #expect(throws: HDF5Error.self) { try file.dataset("absent") }
    #expect("\(absent!)".contains("opening absent") && "\(absent!)".contains("doesn't exist"))
    let dataset = try file.createDataset("values", of: Double.self, shape: .fixed([3]))
    #expect(throws: HDF5Error.self) { try dataset.read(Double.self, start: [0, 0], count: [1, 1]) }
    #expect(throws: HDF5Error.self) { try dataset.read(Double.self, start: [2], count: [2]) }
    #expect(throws: HDF5Error.self) { try dataset.setShape([4]) }
    #expect(throws: HDF5Error.self) { try dataset.readStrings() }
    #expect(throws: HDF5Error.self) { try HDF5File(creating: path) }
  }

  @Test func linksTellWhatTheyLeadTo() throws {
    let file = try HDF5File(creating: path)
    try file.createDataset("a", strings: ["x"])
    _ = try file.createDataset("b", of: UInt8.self, shape: .fixed([1]))
    let links = try file.links(limit: 2)
    #expect(links.map(\.name) == ["a", "b"] && links.allSatisfy { $0.target == .dataset })
    #expect(throws: HDF5Error.self) { try file.links(limit: 1) }
    #expect(try file.contains("a") && !file.contains("c"))
  }

  @Test func readersFollowAWriterAndTheFileOpensPlainlyAfterwards() throws {
    do {
      let file = try HDF5File(creating: path)
      _ = try file.createDataset("rows", of: Int64.self, shape: .growing(row: [], chunkRows: 8), fill: -1)
      try file.close()
    }
    let writing = try HDF5File(opening: path, mode: .writingWhileRead)
    var rows: HDF5Dataset? = try writing.dataset("rows")
    #expect(try writing.descriptor() > 2)
    try rows?.setShape([3])
    try rows?.write([Int64(1), 2, 3], start: [0], count: [3])
    try rows?.flush()
    rows = nil
    try writing.close()
    let reading = try HDF5File(opening: path, mode: .reading)
    #expect(try reading.dataset("rows").read(Int64.self) == [1, 2, 3])
  }

  @Test func readersCanBeLetInLater() throws {
    do {
      let file = try HDF5File(creating: path)
      let rows = try file.createDataset("rows", of: Int64.self, shape: .growing(row: [], chunkRows: 8))
      try file.startWritingWhileRead()
      #expect(throws: HDF5Error.self) { try file.startWritingWhileRead() }
      try rows.setShape([1])
      try rows.write([Int64(7)])
      try rows.flush()
      try file.flush()
      file.abandon()
    }
    // Left as by a killed writer: refused plainly, readable to those who follow.
    let copy = folder.file("copy.h5")
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    #expect(throws: HDF5Error.self) { try HDF5File(opening: copy, mode: .reading) }
    let file = try HDF5File(
      opening: copy, mode: .readingWhileWritten, access: HDF5FileAccess(metadataReadAttempts: 3))
    #expect(try file.dataset("rows").read(Int64.self) == [7])
  }

  @Test func versionIsThatOfTheLibrary() {
    #expect(HDF5Library.version.split(separator: ".").count == 3)
  }
}
