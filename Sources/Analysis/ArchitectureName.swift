/// An architecture's name in the spelling of the literature.
///
/// `post-ln` is Post-LN, `normformer-no-c_attn` is NormFormer (no c_attn); a name that is not known stays as it is.
public func architectureTitle(_ name: String) -> String {
  let known = [
    ("post-ln", "Post-LN"), ("pre-ln", "Pre-LN"), ("normformer", "NormFormer"),
    ("sandwich-ln", "Sandwich-LN"), ("peri-ln", "Peri-LN"), ("sub-ln", "Sub-LN"), ("deepnorm", "DeepNorm"),
  ]
  for (key, title) in known where name == key || name.hasPrefix(key + "-") {
    let change = name.dropFirst(key.count + 1)
    guard !change.isEmpty else { return title }
    return "\(title) (\(change.hasPrefix("no-") ? "no " + change.dropFirst(3) : change))"
  }
  return name
}
