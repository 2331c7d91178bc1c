import Architecture
import ArgumentParser
import Kernels
import RunData
import Text
import Transformer

/// An architecture by the word that commands and files use: a preset's name, or the path of a file in the language.
struct ArchitectureChoice: Equatable, Hashable, Sendable, ExpressibleByArgument {
  /// As it was given.
  let word: String
  /// What it is called from now on: the preset's name, or the file's without its ending.
  let name: String
  /// What a checkpoint states; nil where the word says it.
  private let stated: ArchitectureDescription?

  static let postLN = ArchitectureChoice(preset: "post-ln")
  static let preLN = ArchitectureChoice(preset: "pre-ln")
  static let normFormer = ArchitectureChoice(preset: "normformer")
  /// The three of the paper.
  static let papers = [postLN, preLN, normFormer]

  private init(preset: String) {
    (word, name, stated) = (preset, preset, nil)
  }

  /// What a checkpoint was found to be.
  init(_ description: ArchitectureDescription) {
    (word, name, stated) = (description.name, description.name, description)
  }

  /// A wiring in the language itself, under the name that a run gave it.
  /// - Throws: `CommandError`, where the text says no wiring.
  init(name: String, text: String) throws {
    let description: ArchitectureDescription
    do {
      description = try ArchitectureDescription(parsing: text, name: name, file: "--architecture-text")
    } catch {
      throw CommandError.usage("\(error)")
    }
    (word, self.name, stated) = (name, name, description)
  }

  /// Takes any word: whether it is a preset's name or the path of a file that says a wiring is seen by ``description()``.
  init?(argument: String) {
    let file = argument.split(separator: "/").last ?? ""
    let stem = Self.isPath(argument) ? String(file.prefix { $0 != "." }) : argument
    guard !stem.isEmpty else { return nil }
    (word, name, stated) = (argument, stem, nil)
  }

  /// Whether a word is the path of a file, not a preset's name.
  static func isPath(_ word: String) -> Bool {
    ["/", ".yaml", ".yml"].contains(where: word.contains)
  }

  static var allValueStrings: [String] { ArchitecturePreset.names + ["FILE.yaml"] }
  var defaultValueDescription: String { word }

  static func == (left: Self, right: Self) -> Bool { left.word == right.word }
  func hash(into hasher: inout Hasher) { hasher.combine(word) }

  /// Whether it is one of the paper's three, which the paper's switches belong to.
  var isPapers: Bool { stated == nil && Self.papers.contains(self) }

  var placement: NormPlacement { self == .postLN ? .postLN : .preLN }
  var additions: Additions { self == .normFormer ? .normFormer : .none }

  /// The wiring.
  /// - Throws: `CommandError`: where a file cannot be read or says something that is no wiring.
  func description() throws -> ArchitectureDescription {
    if let stated { return stated }
    if let preset = ArchitecturePreset.named(word) { return preset }
    guard Self.isPath(word) else {
      let nearest = nearestFirst(to: word, among: ArchitecturePreset.names).prefix(3).joined(separator: ", ")
      throw CommandError.usage(
        "--architectures: none is called \(printable(word)); the nearest are \(nearest). nf-probe architectures lists them; "
          + "a file of your own ends in .yaml")
    }
    let file = try ConfigText(path: word, option: "--architecture")
    do { return try ArchitectureDescription(parsing: file.text, name: name, file: word) } catch {
      throw CommandError.usage("\(error)")
    }
  }

  /// The architecture and what differs from it: `normformer-no-c_attn`, `pre-ln-with-attn_ln`.
  func label(with additions: Additions) -> String {
    let usual = self.additions
    var label = name
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

  /// The name of a run of a model.
  func label(of model: ModelConfiguration) -> String {
    model.paperWiring.map { label(with: $0.additions) } ?? name
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
