import Checkpoints
import FileAccess
import Yams

/// Names of one's own for `--names`: a YAML mapping of stored names to parameters.
///
///     tok.weight: decoder.embed_tokens.weight
///     "blocks.{layer}.attn.qkv": [self_attn.q_proj.weight, self_attn.k_proj.weight, self_attn.v_proj.weight]
///     "blocks.{layer}.mlp.up": {is: fc1.weight, transposed: yes}
package struct NamesFile {
  package let path: String

  private static let longest = 1 << 20

  package func read() throws -> CheckpointNames {
    let file = try RandomAccessFile(path: path)
    guard file.byteCount <= Self.longest else { throw complaint(nil, "is too long for a list of names") }
    let text = String(decoding: try file.bytes(at: 0, count: file.byteCount), as: UTF8.self)
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch { throw complaint(nil, "is no YAML: \(error)") }
    guard let mapping = node?.mapping, !mapping.isEmpty else {
      throw complaint(
        node, "is a mapping of stored names to parameters, as in: tok.weight: decoder.embed_tokens.weight")
    }
    let rules = try mapping.map { key, value in
      let rule = try rule(key, value)
      if let problem = rule.problem { throw complaint(key, problem) }
      return rule
    }
    return CheckpointNames(rules: rules)
  }

  private func rule(_ key: Node, _ value: Node) throws -> CheckpointNames.Rule {
    guard let pattern = key.string else { throw complaint(key, "a stored name is a word") }
    guard let details = value.mapping else {
      return CheckpointNames.Rule(pattern: pattern, parameters: try names(value, pattern))
    }
    var rule = CheckpointNames.Rule(pattern: pattern, parameters: [])
    for (key, value) in details {
      switch key.string {
      case "is": rule.parameters = try names(value, pattern)
      case "transposed": rule.isTransposed = try flag(value, "transposed")
      case "alternating": rule.isAlternating = try flag(value, "alternating")
      default:
        throw complaint(
          key, "\(key.string ?? "?") says nothing here; known are is, transposed and alternating")
      }
    }
    guard !rule.parameters.isEmpty else { throw complaint(value, "\(pattern) needs is: PARAMETER") }
    return rule
  }

  private func names(_ node: Node, _ pattern: String) throws -> [String] {
    let names = node.sequence.map { $0.map(\.string) } ?? [node.string]
    let known = names.compactMap { $0 }
    guard !known.isEmpty, known.count == names.count else {
      throw complaint(node, "\(pattern) is a parameter's name, or a list of names")
    }
    return known
  }

  private func flag(_ node: Node, _ name: String) throws -> Bool {
    guard let flag = node.bool else { throw complaint(node, "\(name) is yes or no") }
    return flag
  }

  private func complaint(_ node: Node?, _ problem: String) -> CommandError {
    let line = node?.mark.map { ", line \($0.line)" } ?? ""
    return .usage("--names \(path)\(line): \(problem)")
  }
}
