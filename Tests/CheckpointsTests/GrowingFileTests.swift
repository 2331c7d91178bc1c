import FileAccess
import FileTestSupport
import Foundation
import Testing

@testable import Checkpoints

@Suite("A file that another program appends to")
struct GrowingFileTests {
  /// A run file is told by its first bytes even between two rows that its writer adds.
  @Test func aRunThatGrowsIsStillKnownForWhatItIs() throws {
    let folder = try TemporaryFolder()
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    let path = try folder.write(signature + [UInt8](repeating: 0, count: 100), to: "run.h5")
    let file = try RandomAccessFile(path: path)
    let writer = try #require(FileHandle(forWritingAtPath: path))
    defer { try? writer.close() }
    try writer.seekToEnd()
    try writer.write(contentsOf: Data([1, 2, 3]))

    #expect(throws: FileAccessError.self) { try file.bytes(at: 0, count: 8) }
    #expect(try file.beginning(8) == signature)
    let problem = "is an HDF5 file, such as a run file, not a checkpoint"
    #expect(throws: CheckpointError(path: path, problem: problem)) {
      try CheckpointContents.format(of: file)
    }
  }

  @Test func aShortFileBeginsWithAllOfIt() throws {
    let folder = try TemporaryFolder()
    let file = try RandomAccessFile(path: folder.write([7, 8], to: "short"))
    #expect(try file.beginning(64) == [7, 8])
  }
}
