import Foundation
import Testing

/// Compares text with the file of record in `Snapshots`, byte by byte.
///
/// A file that does not exist yet is written, and the test fails: a baseline counts only after somebody has looked at it.
/// To record a new one, delete the old.
public func expectSnapshot(
  _ text: String, named name: String, sourceLocation: SourceLocation = #_sourceLocation,
  testFile: String = #filePath
) throws {
  let folder = URL(fileURLWithPath: testFile).deletingLastPathComponent().appendingPathComponent("Snapshots")
  try expectText(text, inFile: folder.appendingPathComponent(name), sourceLocation: sourceLocation)
}

/// Compares text with a file of record anywhere in the checkout, as ``expectSnapshot(_:named:sourceLocation:testFile:)``
/// does.
public func expectText(
  _ text: String, inFile file: URL, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let name = file.lastPathComponent
  guard FileManager.default.fileExists(atPath: file.path) else {
    try Data(text.utf8).write(to: file)
    Issue.record("recorded \(name): look at it, then run again", sourceLocation: sourceLocation)
    return
  }
  let expected = try String(decoding: Data(contentsOf: file), as: UTF8.self)
  guard text != expected else { return }
  let (new, old) = (text.split(separator: "\n"), expected.split(separator: "\n"))
  let line = zip(new, old).prefix { $0 == $1 }.count
  let found = line < new.count ? new[line].prefix(200) : "the end"
  let wanted = line < old.count ? old[line].prefix(200) : "the end"
  Issue.record(
    "\(name) differs from line \(line + 1) on:\n  is   \(found)\n  was  \(wanted)",
    sourceLocation: sourceLocation)
}
