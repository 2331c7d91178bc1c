import Analysis
import RunData
import Yams

/// A recipe whose question is answered before the first update: what `nf-probe init` measures, and claims on it.
///
///     question: Do last layers' gradients shrink with depth?
///     paper: Xiong et al. 2020, Theorem 1
///     init: {init: xiong, heads: 1, dim: 64, ffn-dim: 64, seeds: 10}
///     claims:
///       - says: Post-LN's do not
///         measure: depth exponent
///         of: Post-LN
///         between: [-0.2, 0.2]
package struct StartRecipe {
  private enum Key: String, CaseIterable {
    case question, paper, `init`, claims
  }

  private enum ClaimKey: String, CaseIterable {
    case says, source, measure, of, below, above, between
  }

  package private(set) var question = ""
  private let settings: [Setting]
  private(set) var claims: [StartClaim] = []

  /// Whether a recipe's file is of this kind.
  package static func describes(_ file: ConfigText) throws -> Bool {
    try file.mapping().contains { $0.key.string == Key.`init`.rawValue }
  }

  /// Reads a recipe file.
  /// - Throws: ``ExperimentError``, with file and line.
  package init(_ file: ConfigText) throws {
    let reader = SweepFileReader(
      file: file, known: StartConfiguration.keys.map(\.info), owner: "a recipe of `init`")
    var nodes: [Key: Node] = [:]
    for (node, value) in try file.mapping() { nodes[try reader.key(node, of: Key.self)] = value }
    settings = try nodes[.`init`].map { try reader.settings($0, "init") } ?? []
    question = try nodes[.question].map { try reader.text($0, "question") } ?? "What holds at initialisation?"
    let paper = try nodes[.paper].map { try reader.text($0, "paper") } ?? ""
    let parts = RecipeFileReader(reader: reader, sweep: nil, paper: paper)
    claims = try parts.elements(nodes[.claims], "claims").map { node in
      let values = try parts.keyed(node, ClaimKey.self, "a claim")
      guard let says = values[.says], let measure = values[.measure], let architecture = values[.of],
        let bound = try parts.bound(
          below: values[.below], above: values[.above], between: values[.between])
      else {
        throw reader.complaint(
          node, "a claim needs `says`, `measure`, `of`, and one of `below`, `above` or `between: [a, b]`")
      }
      return StartClaim(
        says: try reader.text(says, "says"),
        source: try values[.source].map { try reader.text($0, "source") } ?? paper,
        measure: try reader.choice(measure, "measure", of: StartClaim.Measure.self),
        architecture: try reader.text(architecture, "of"), bound: bound)
    }
  }

  /// What is measured.
  /// - Throws: ``ExperimentError`` for values that are out of range.
  package func configuration() throws -> StartConfiguration {
    do { return try StartConfiguration(settings) } catch { throw error.with(prefix: "init: ") }
  }
}
