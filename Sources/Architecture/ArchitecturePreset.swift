/// The architectures that come with the program, as the files that they are.
public enum ArchitecturePreset {
  /// Names in the order in which they are listed: the paper's three, placements, whole models.
  public static let names = [
    "post-ln", "pre-ln", "normformer", "sandwich-ln", "peri-ln", "output-norm", "sub-ln", "deepnorm", "admin",
    "lns",
    "mix-ln", "hybridnorm", "hybridnorm-star", "b2t", "rezero", "layerscale", "dyt", "qk-norm",
    "parallel", "gpt2", "opt", "gpt-neox", "llama", "qwen3", "gemma3", "olmo2", "phi",
  ]

  /// A preset's description; nil where there is none of that name.
  public static func named(_ name: String) -> ArchitectureDescription? { descriptions[name] }

  /// A preset that this program is sure to have.
  static func description(of name: String) -> ArchitectureDescription {
    guard let description = named(name) else { preconditionFailure("no preset \(name)") }
    return description
  }

  private static let descriptions: [String: ArchitectureDescription] = {
    var all: [String: ArchitectureDescription] = [:]
    for (name, bytes) in files {
      do {
        all[name] = try ArchitectureDescription(
          parsing: String(decoding: bytes, as: UTF8.self), name: name, file: "\(name).yaml")
      } catch { preconditionFailure("\(error)") }
    }
    return all
  }()

  private static let files: [(name: String, bytes: [UInt8])] = [
    ("post-ln", PackageResources.post_ln_yaml),
    ("pre-ln", PackageResources.pre_ln_yaml),
    ("normformer", PackageResources.normformer_yaml),
    ("sandwich-ln", PackageResources.sandwich_ln_yaml),
    ("peri-ln", PackageResources.peri_ln_yaml),
    ("output-norm", PackageResources.output_norm_yaml),
    ("sub-ln", PackageResources.sub_ln_yaml),
    ("deepnorm", PackageResources.deepnorm_yaml),
    ("admin", PackageResources.admin_yaml),
    ("lns", PackageResources.lns_yaml),
    ("mix-ln", PackageResources.mix_ln_yaml),
    ("hybridnorm", PackageResources.hybridnorm_yaml),
    ("hybridnorm-star", PackageResources.hybridnorm_star_yaml),
    ("b2t", PackageResources.b2t_yaml),
    ("rezero", PackageResources.rezero_yaml),
    ("layerscale", PackageResources.layerscale_yaml),
    ("dyt", PackageResources.dyt_yaml),
    ("qk-norm", PackageResources.qk_norm_yaml),
    ("parallel", PackageResources.parallel_yaml),
    ("gpt2", PackageResources.gpt2_yaml),
    ("opt", PackageResources.opt_yaml),
    ("gpt-neox", PackageResources.gpt_neox_yaml),
    ("llama", PackageResources.llama_yaml),
    ("qwen3", PackageResources.qwen3_yaml),
    ("gemma3", PackageResources.gemma3_yaml),
    ("olmo2", PackageResources.olmo2_yaml),
    ("phi", PackageResources.phi_yaml),
  ]
}
