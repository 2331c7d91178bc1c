import Architecture
import Corpus
import RunData
import Text
import Training

/// An architecture by the word that commands and files use: a preset's name, or the path of a file in the language.
public struct ArchitectureChoice: Hashable, Sendable, SettingValue {
  /// As it was given.
  public let word: String
  /// What it is called from now on: the preset's name, or the file's without its ending.
  public let name: String
  /// What a checkpoint states; nil where the word says it.
  private let stated: ArchitectureDescription?

  /// Where a text is that no file holds.
  private static let textName = "architecture-text"

  /// Post-LN.
  public static let postLN = ArchitectureChoice(preset: "post-ln")
  /// Pre-LN.
  public static let preLN = ArchitectureChoice(preset: "pre-ln")
  /// NormFormer.
  public static let normFormer = ArchitectureChoice(preset: "normformer")
  /// The three of the paper.
  public static let papers = [postLN, preLN, normFormer]

  private init(preset: String) {
    (word, name, stated) = (preset, preset, nil)
  }

  /// What a checkpoint was found to be.
  public init(_ description: ArchitectureDescription) {
    (word, name, stated) = (description.name, description.name, description)
  }

  /// A wiring in the language itself, under the name that a run gave it.
  /// - Throws: ``ExperimentError``, where the text says no wiring.
  public init(name: String, text: String) throws {
    let description: ArchitectureDescription
    do {
      description = try ArchitectureDescription(parsing: text, name: name, file: Self.textName)
    } catch {
      throw ExperimentError.refused("\(setting: "\(error)")")
    }
    (word, self.name, stated) = (name, name, description)
  }

  /// Takes any word: whether it is a preset's name or the path of a file that says a wiring is seen by ``description()``.
  public init?(setting argument: String) {
    let file = argument.split(separator: "/").last ?? ""
    let stem = Self.isPath(argument) ? String(file.prefix { $0 != "." }) : argument
    guard !stem.isEmpty else { return nil }
    (word, name, stated) = (argument, stem, nil)
  }

  /// Whether a word is the path of a file, not a preset's name.
  public static func isPath(_ word: String) -> Bool {
    ["/", ".yaml", ".yml"].contains(where: word.contains)
  }

  /// The presets' names, and a file's.
  public static var settingChoices: [String] { ArchitecturePreset.names + ["FILE.yaml"] }

  /// Whether both are one word.
  public static func == (left: Self, right: Self) -> Bool { left.word == right.word }
  /// By the word.
  public func hash(into hasher: inout Hasher) { hasher.combine(word) }

  /// Whether it is one of the paper's three, which the paper's switches belong to.
  public var isPapers: Bool { stated == nil && Self.papers.contains(self) }

  package var placement: NormPlacement { self == .postLN ? .postLN : .preLN }
  package var additions: Additions { self == .normFormer ? .normFormer : .none }

  /// The wiring.
  /// - Throws: ``ExperimentError``: where a file cannot be read or says something that is no wiring.
  public func description() throws -> ArchitectureDescription {
    if let stated { return stated }
    if let preset = ArchitecturePreset.named(word) { return preset }
    guard Self.isPath(word) else {
      let nearest = nearestFirst(to: word, among: ArchitecturePreset.names).prefix(3).joined(separator: ", ")
      throw ExperimentError.refused(
        "\(setting: "architectures"): none is called \(printable(word)); the nearest are \(nearest). nf-probe architectures lists them; "
          + "a file of your own ends in .yaml")
    }
    let file = try ConfigText(path: word, setting: "architecture")
    do { return try ArchitectureDescription(parsing: file.text, name: name, file: word) } catch {
      throw ExperimentError.refused("\(error)")
    }
  }

  /// The architecture and what differs from it: `normformer-no-c_attn`, `pre-ln-with-attn_ln`.
  package func label(with additions: Additions) -> String {
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
  package func label(of model: ModelConfiguration) -> String {
    model.paperWiring.map { label(with: $0.additions) } ?? name
  }
}

/// The paper's model sizes.
public enum ModelSize: String, CaseIterable, Sendable, SettingValue {
  /// 125 million parameters.
  case small = "125M"
  /// 355 million.
  case medium = "355M"
  /// 1.3 billion.
  case large = "1.3B"
  /// 2.7 billion.
  case extraLarge = "2.7B"

  /// Layers, width and heads; the FFN is four times as wide. Shleifer et al. 2021, after GPT-3's Table 2.1.
  package var dimensions: (layers: Int, dim: Int, heads: Int) {
    switch self {
    case .small: (12, 768, 12)
    case .medium: (24, 1024, 16)
    case .large: (24, 2048, 32)
    case .extraLarge: (32, 2560, 32)
    }
  }

  /// The vocabulary with which the paper's parameter counts come out.
  package static let vocabularySize = 51_200
}

// Choices of the modules below as settings.
extension HeadScalePlacement: SettingValue {}
extension ResidualScaling: SettingValue {}
extension Activation: SettingValue {}
extension Initialization: SettingValue {}
extension Objective: SettingValue {}
extension NormKind: SettingValue {}
extension Precision: SettingValue {}
extension FailureKind: SettingValue {}
extension Sampling: SettingValue {}
extension LearningRateSchedule.Decay: SettingValue {}
extension OptimizerConfiguration.Decayed: SettingValue {}
extension OptimizerConfiguration.Method: SettingValue {}
extension NonfinitePolicy: SettingValue {}
