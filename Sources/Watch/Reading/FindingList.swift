import Analysis
import Documents
import RunData

/// What to look at first, and since when.
final class FindingList {
  /// A finding as the page gets it.
  struct Row: Codable, Sendable {
    var level: String
    var subject: String
    var text: String
    /// The last recorded step when it was first found.
    var step: Int
  }

  /// The step at which each was first found, by its words without its numbers, which change as a run goes on.
  private var firstSteps: [String: Int] = [:]

  /// The findings of the runs that a page shows.
  func rows(_ query: ViewQuery, _ making: ViewMaking) throws -> [Row] {
    let chosen = try making.chosenRuns(query)
    let reported = chosen.runs.map { own, recorded in
      ReportedRun(run: recorded, fileName: own.name, isGrowing: own.isGrowing, damage: own.remarks)
    }
    let report = try RunReport(
      runs: reported,
      options: ReportOptions(
        operation: chosen.operation, window: query.window, allowsMixedContracts: true,
        program: making.program, command: "nf-probe watch"), gradients: making.gradients(chosen))
    let last = chosen.runs.compactMap(\.recorded.steps.last).max() ?? 0
    return report.findings.map { finding in
      let key = "\(finding.level) \(finding.subject) \(finding.text)".filter { !$0.isNumber }
      let step = firstSteps[key] ?? last
      firstSteps[key] = step
      return Row(level: finding.level.rawValue, subject: finding.subject, text: finding.text, step: step)
    }
  }
}
