import Documents

/// What a look through the whole of a file found: what is there, and what is wrong with it.
public struct VerificationReport: Codable, Equatable, Sendable {
  /// How one part of a file stands.
  public enum State: String, Codable, Sendable {
    /// As it was written.
    case whole
    /// There, but the file keeps no checksum that could tell whether it was changed.
    case unchecked
    /// A writer has it open.
    case growing
    /// A writer ended without closing it.
    case open
    /// At the end, where a writer was stopped.
    case unfinished
    /// Steps were left out.
    case gap
    /// Changed since it was written.
    case damaged
    /// Not to be read at all.
    case unreadable

    /// Whether something that was recorded is lost.
    public var isDamage: Bool { self == .damaged || self == .unreadable }
  }

  /// What was found of one part.
  public struct Finding: Codable, Equatable, Sendable {
    /// `file`, `manifest`, `data`, or a table by its coordinate.
    public var part: String
    /// How it stands.
    public var state: State
    /// Rows or tensors, where it is about some.
    public var count: Int?
    /// What was found, in words.
    public var detail: String
  }

  /// The file that was looked at.
  public var file: String
  /// What was found, in the order of the file.
  public private(set) var findings: [Finding] = []

  /// A report on a file that nothing is known of yet.
  public init(file: String) { self.file = file }

  /// Whether all that was recorded is as it was written. A run that was killed is.
  public var isWhole: Bool { !findings.contains { $0.state.isDamage } }

  /// The report in a word or three.
  private var verdict: String {
    if isWhole { return "whole" }
    return findings.contains { $0.part == "file" && $0.state == .unreadable } ? "cannot be read" : "damaged"
  }

  /// Adds a finding.
  public mutating func add(_ part: String, _ state: State, count: Int? = nil, _ detail: String) {
    findings.append(Finding(part: part, state: state, count: count, detail: detail))
  }

  /// The findings on some files, one a row.
  public static func table(_ reports: [VerificationReport]) -> Table {
    var table = Table(
      title: title(reports),
      columns: [
        Table.Column("file", title: "file", kind: .text, audience: reports.count > 1 ? .everyone : .data),
        Table.Column("part", title: "part", kind: .text), Table.Column("state", title: "state", kind: .text),
        Table.Column("count", title: "count", kind: .integer),
        Table.Column("detail", title: "detail", kind: .text, priority: 1),
      ])
    for report in reports {
      for finding in report.findings {
        table.append([
          .text(report.file), .text(finding.part), .text(finding.state.rawValue),
          finding.count.map { .integer($0) } ?? .missing, .text(finding.detail),
        ])
      }
    }
    return table
  }

  private static func title(_ reports: [VerificationReport]) -> String {
    guard reports.count != 1 else { return "\(reports[0].file): \(reports[0].verdict)" }
    let counts = ["damaged", "cannot be read"].map { verdict in
      (verdict, reports.count { $0.verdict == verdict })
    }.filter { $0.1 > 0 }
    let verdict = counts.isEmpty ? "all whole" : counts.map { "\($1) \($0)" }.joined(separator: ", ")
    return "\(reports.count) files, \(verdict)"
  }
}

/// Ascending numbers in few words: `0 to 11, 15, 20 to 100 by 5`.
struct NumberRanges {
  /// A stretch of equal distances.
  struct Stretch: Equatable {
    var first: Int
    var last: Int
  }

  /// The distance between neighbours that occurs most, where more than half of them have it; else nil.
  let stride: Int?
  let stretches: [Stretch]

  init(_ numbers: [Int], stride: Int? = nil) {
    let distances = zip(numbers, numbers.dropFirst()).map { $1 - $0 }
    let usual = stride ?? Self.usual(distances)
    var stretches: [Stretch] = []
    for (index, number) in numbers.enumerated() {
      if index > 0, distances[index - 1] == usual {
        stretches[stretches.count - 1].last = number
      } else {
        stretches.append(Stretch(first: number, last: number))
      }
    }
    self.stride = usual
    self.stretches = stretches
  }

  /// At most `limit` stretches in words.
  func text(limit: Int = 12) -> String {
    let shown = stretches.prefix(limit).map { stretch -> String in
      if stretch.first == stretch.last { return "\(stretch.first)" }
      let by = stride.map { $0 > 1 ? " by \($0)" : "" } ?? ""
      return "\(stretch.first) to \(stretch.last)\(by)"
    }
    let rest = stretches.count - shown.count
    return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }

  private static func usual(_ distances: [Int]) -> Int? {
    let counts = Dictionary(distances.map { ($0, 1) }, uniquingKeysWith: +)
    return counts.first { 2 * $0.value > distances.count }?.key
  }
}
