import Architecture

/// An architecture's name in the spelling of the literature.
///
/// `post-ln` is Post-LN, `llama` Llama, `normformer-no-c_attn` NormFormer (no c_attn); a name that is not known stays as it is.
public func architectureTitle(_ name: String) -> String {
  for (key, title) in varied where name.hasPrefix(key + "-") {
    let change = name.dropFirst(key.count + 1)
    return "\(title) (\(change.hasPrefix("no-") ? "no " + change.dropFirst(3) : change))"
  }
  return ArchitecturePreset.named(name)?.title ?? name
}

/// Architectures whose names are varied by what is added or left out.
private let varied = [("post-ln", "Post-LN"), ("pre-ln", "Pre-LN"), ("normformer", "NormFormer")]
