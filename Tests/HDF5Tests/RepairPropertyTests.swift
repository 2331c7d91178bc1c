import Foundation
import RunFileTestSupport
import Testing

@testable import HDF5

/// Repair rests on two properties that the library names nowhere in its headers.
@Suite struct RepairPropertyTests {
  @Test func theInstalledLibraryKnowsThem() throws {
    #expect(HDF5FileAccess.repairProperties == ["clear_status_flags", "skip_eof_check"])
    let missing = try HDF5FileAccess.missingRepairProperties()
    #expect(
      missing.isEmpty,
      """
      HDF5 \(HDF5Library.version) has no \(missing): `nf-probe recover` and reading after a killed repair will fail. \
      Look in that version's h5clear.c for what has taken their place.
      """)
  }

  /// The reason for `coverWholeFile`: the header's end is that of the file as it was made.
  @Test func withoutCoveringTheFileClosingCutsIt() throws {
    let folder = try TemporaryFolder()
    for isCovered in [true, false] {
      let path = folder.file("\(isCovered).h5")
      try leaveOpen(path)
      let file = try HDF5File(
        opening: path, mode: .writing, access: HDF5FileAccess(ignoresWriterMark: true))
      if isCovered { try file.coverWholeFile() }
      try file.close()
      let reopened = try HDF5File(opening: path, mode: .reading)
      let rows = try? reopened.dataset("x").read(Double.self)
      #expect((rows == (0..<5000).map(Double.init)) == isCovered)
    }
  }

  /// A file as a killed writer leaves it.
  private func leaveOpen(_ path: String) throws {
    let made = try HDF5File(creating: path)
    _ = try made.createDataset("x", of: Double.self, shape: .growing(row: [], chunkRows: 512))
    try made.close()
    let whole = path + ".growing"
    try FileManager.default.copyItem(atPath: path, toPath: whole)
    let file = try HDF5File(opening: whole, mode: .writingWhileRead)
    let dataset = try file.dataset("x")
    try dataset.setShape([5000])
    try dataset.write((0..<5000).map(Double.init))
    try dataset.flush()
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: whole, toPath: path)
    file.abandon()
  }
}
