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

  @Test func whatLeavesThePictureOrMeetsIsFound() {
    func problems(_ texts: String) -> [String] {
      SVGCheck("<svg viewBox=\"0 0 100 50\">\(texts)</svg>").problems
    }
    func text(_ words: String, x: Int, y: Int, _ more: String = "") -> String {
      "<text x=\"\(x)\" y=\"\(y)\" font-size=\"10\" \(more)>\(words)</text>"
    }
    // Twelve ems of DejaVu Sans are some 74 points wide: inside from 20 on, and beyond from 30 on.
    #expect(problems(text("mean L1 norm", x: 20, y: 20)) == [])
    #expect(problems(text("mean L1 norm", x: 30, y: 20)) == ["beyond the border: mean L1 norm"])
    #expect(problems(text("0", x: 2, y: 20, "text-anchor=\"middle\"")) == ["beyond the border: 0"])
    #expect(problems(text("a", x: 20, y: 20) + text("b", x: 40, y: 20)) == [])
    #expect(problems(text("aaa", x: 20, y: 20) + text("b", x: 35, y: 20)) == ["meet: aaa | b"])
    #expect(problems(text("a", x: 20, y: 20) + text("b", x: 20, y: 31)) == ["meet: a | b"])
    #expect(problems(text("a", x: 20, y: 20) + text("b", x: 20, y: 32)) == [])
    let upward = "transform=\"rotate(-90 20 25)\" text-anchor=\"middle\""
    #expect(problems(text("layers", x: 20, y: 25, upward)) == [])
    #expect(problems(text("layers of a", x: 20, y: 25, upward)) == ["beyond the border: layers of a"])
    let power = text("10<tspan dy=\"-4\" font-size=\"7.5\">3</tspan>", x: 20, y: 10)
    #expect(problems(power) == ["beyond the border: 103"])
  }
}
