import Foundation
import SnapshotSupport
import Testing

/// The figures in `analyses`, and those that other tests compare with: drawn by a program that laid text out for the widest font.
///
/// `make figures-check` renders them with several fonts; this takes no renderer.
@Suite struct FiguresOfRecordTests {
  private static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static let figures: [String] = ["analyses", "Tests"].flatMap { folder -> [String] in
    let files = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
    let paths = files?.compactMap { $0 as? String } ?? []
    return paths.filter { $0.hasSuffix(".svg") }.map { "\(folder)/\($0)" }
  }.sorted()

  @Test func thereAreFigures() { #expect(Self.figures.count > 40) }

  @Test(arguments: figures)
  func wordsNeitherTouchNorLeaveThePicture(path: String) throws {
    let svg = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    #expect(SVGCheck(svg).problems == [])
  }
}
