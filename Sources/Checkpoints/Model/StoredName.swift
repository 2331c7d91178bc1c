import RunData

/// A name in a file, in the ways in which it may be read: a model may be a part of a larger one, whose names then begin
/// with the part's.
struct StoredName {
  struct Reading {
    /// What is left out, with its dot.
    let beginning: String
    let components: ArraySlice<Substring>
    /// Equal to that of rules that may match.
    let key: String
  }

  /// The name as it stands first.
  let readings: [Reading]

  /// The name without wrappers.
  var bare: String { readings[0].components.joined(separator: ".") }

  /// The most components that are left out.
  static let maximumBeginning = 3
  /// What wrappers put before every name: data parallelism, compilation, sharding.
  static let wrappers = ["module.", "_orig_mod.", "_forward_module.", "_fsdp_wrapped_module."]
  /// What they put wherever a part of the model is wrapped; `module` inside a name may be a part of the model.
  private static let innerWrappers: Set<Substring> = [
    "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
  ]

  init(_ name: String) {
    var components = name.split(separator: ".", omittingEmptySubsequences: false)
    let bare = components.filter { !Self.innerWrappers.contains($0) }
    if !bare.isEmpty { components = bare }
    components = Array(
      components[(components.dropLast().firstIndex { $0 != "module" } ?? components.count - 1)...])
    let keys = components.map { wholeNumber($0) == nil ? String($0) : "#" }
    readings = (0...min(Self.maximumBeginning, components.count - 1)).map { count in
      Reading(
        beginning: components[..<count].map { $0 + "." }.joined(), components: components[count...],
        key: keys[count...].joined(separator: "."))
    }
  }
}
