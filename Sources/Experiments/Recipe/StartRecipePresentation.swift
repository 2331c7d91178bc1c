import Analysis
import Charts
import Documents

/// What came out of a recipe of `init`.
package struct StartRecipePresentation: Presentable {
  private let recipe: StartRecipe
  private let report: StartReport
  /// What is shown of the measurement itself.
  private let shown: StartPresentation

  /// - Parameters:
  ///   - report: what was measured.
  ///   - program: what figures say of the program that made them.
  ///   - command: and of what it was asked for.
  package init(_ recipe: StartRecipe, _ report: StartReport, program: String, command: String) {
    self.recipe = recipe
    self.report = report
    shown = StartPresentation(report, program: program, command: command)
  }

  private var claims: Table { ClaimResult.table(recipe.claims.map { ClaimResult($0, in: report) }) }

  package func tables() -> [Table] { [claims] }

  package func figure() -> Figure? { nil }

  /// `claims.csv`, what `init` writes, and `results.md` for readers.
  package func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("claims", claims))
    try shown.writeFiles(write)
    let text = [claims, report.table].map { $0.rendered(as: .markdown) }.joined(separator: "\n")
    try write(.text("results.md", "# \(recipe.question)\n\n\(text)"))
  }
}
