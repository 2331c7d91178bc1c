import Architecture
import RunData

extension RunManifest {
  /// The wiring that the run's configuration states, and its layers; nil for a run of a model that is not ours.
  var wiring: WiringDrawing.Subject? {
    let settings = ConfigurationKeys(json: configurationJSON).values
    guard var description = ArchitectureDescription(settings, name: architecture) else { return nil }
    description.title = architectureTitle(architecture)
    return WiringDrawing.Subject(description, layerCount: gradients.layerCount)
  }
}

extension ArchitectureDescription {
  fileprivate init?(_ settings: [String: String], name: String) {
    if let text = settings["architecture-text"] {
      try? self.init(parsing: text, name: name, file: "the run's configuration")
      return
    }
    // Runs of before the paper's wirings had a norm and an activation to choose say neither.
    guard let placement = NormPlacement(settings), settings["scale-attn"] != nil else { return nil }
    let additions = Additions(
      scaleAttention: settings["scale-attn"] == "true", scaleFFN: settings["scale-fc"] == "true",
      scaleHeads: settings["scale-heads"] == "true"
        ? settings["head-scale-placement"].flatMap(HeadScalePlacement.init) ?? .paper : nil,
      scaleResiduals: settings["scale-resids"] == "true"
        ? settings["res-scale-placement"].flatMap(ResidualScaling.init) ?? .ffn : .none,
      normQueryKeyValue: settings["qkv-norm"] == "true")
    let wiring = PaperWiring(
      placement: placement, additions: additions,
      activation: settings["activation"].flatMap(Activation.init) ?? .gelu,
      norm: settings["norm"].flatMap(NormKind.init) ?? .layer)
    self = wiring.description
    equation = ""
  }
}

extension NormPlacement {
  /// The paper's architectures but Post-LN are Pre-LN's with additions.
  fileprivate init?(_ settings: [String: String]) {
    switch settings["architecture"] {
    case "post-ln": self = .postLN
    case "pre-ln", "normformer": self = .preLN
    default: return nil
    }
  }
}
