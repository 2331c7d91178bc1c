import Analysis
import Charts
import Documents

/// What came out of a recipe of `init`.
struct StartRecipePresentation: Presentable {
  let recipe: StartRecipe
  let report: StartReport
  /// What `init` has to show of it.
  let shown: StartPresentation

  private var claims: Table { ClaimResult.table(recipe.claims.map { ClaimResult($0, in: report) }) }

  func tables() -> [Table] { [claims] }

  func figure() -> Figure? { nil }

  /// `claims.csv`, what `init` writes, and `results.md` for readers.
  func writeFiles(_ write: (ResultFile) throws -> Void) throws {
    try write(.table("claims", claims))
    try shown.writeFiles(write)
    let text = [claims, report.table].map { $0.rendered(as: .markdown) }.joined(separator: "\n")
    try write(.text("results.md", "# \(recipe.question)\n\n\(text)"))
  }
}
