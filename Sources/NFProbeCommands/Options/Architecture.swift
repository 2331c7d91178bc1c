import ArgumentParser
import Kernels
import RunData
import Transformer

/// The three architectures of the paper, by the names that commands and files use.
enum Architecture: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
  case postLN = "post-ln"
  case preLN = "pre-ln"
  case normFormer = "normformer"

  var placement: NormPlacement { self == .postLN ? .postLN : .preLN }
  var additions: Additions { self == .normFormer ? .normFormer : .none }

  /// The architecture and what differs from it: `normformer-no-c_attn`, `pre-ln-with-attn_ln`.
  func label(with additions: Additions) -> String {
    let usual = self.additions
    var label = rawValue
    for (name, isOn, isUsual) in [
      ("attn_ln", additions.scaleAttention, usual.scaleAttention),
      ("ffn_layernorm", additions.scaleFFN, usual.scaleFFN),
      ("c_attn", additions.scaleHeads != nil, usual.scaleHeads != nil),
      ("w_resid", additions.scaleResiduals != .none, usual.scaleResiduals != .none),
      ("w_resid_attention", additions.scaleResiduals == .both, usual.scaleResiduals == .both),
      ("qkv_norm", additions.normQueryKeyValue, usual.normQueryKeyValue),
    ] where isOn != isUsual {
      label += isOn ? "-with-\(name)" : "-no-\(name)"
    }
    return label
  }
}

/// A comma-separated list on the command line, e.g. `post-ln,pre-ln`.
struct List<Element: ExpressibleByArgument>: ExpressibleByArgument {
  let elements: [Element]

  init(_ elements: [Element]) { self.elements = elements }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let elements = parts.compactMap {
      Element(argument: String($0.trimmingPrefix { $0 == " " }))
    }
    guard !elements.isEmpty, elements.count == parts.count else { return nil }
    self.elements = elements
  }

  /// The names that an element can have, for help and for the message that names a wrong one.
  static var allValueStrings: [String] { Element.allValueStrings }

  var defaultValueDescription: String {
    elements.map(\.defaultValueDescription).joined(separator: ",")
  }
}

extension List: Sendable where Element: Sendable {}

// The model's own choices as command-line values.
extension HeadScalePlacement: ExpressibleByArgument {}
extension ResidualScaling: ExpressibleByArgument {}
extension Activation: ExpressibleByArgument {}
extension Initialization: ExpressibleByArgument {}
extension Objective: ExpressibleByArgument {}
extension NormKind: ExpressibleByArgument {}
extension GradientStatistic: ExpressibleByArgument {}

/// The paper's model sizes.
enum ModelSize: String, CaseIterable, Sendable, ExpressibleByArgument {
  case small = "125M"
  case medium = "355M"
  case large = "1.3B"
  case extraLarge = "2.7B"

  /// Layers, width and heads; the FFN is four times as wide. Shleifer et al. 2021, after GPT-3's Table 2.1.
  var dimensions: (layers: Int, dim: Int, heads: Int) {
    switch self {
    case .small: (12, 768, 12)
    case .medium: (24, 1024, 16)
    case .large: (24, 2048, 32)
    case .extraLarge: (32, 2560, 32)
    }
  }

  /// The vocabulary with which the paper's parameter counts come out.
  static let vocabularySize = 51_200
}
