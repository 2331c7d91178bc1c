/// A tensor's name in terms of the model that was there before fine-tuning added something to it, such as low-rank adapters.
struct HostName {
  /// The tensor that is added to, or the tensor itself.
  let host: String
  /// What is added, e.g. `.lora_A.weight`; empty for the model's own tensors.
  let addition: String

  private static let families = ["lora_", "ia3_", "hada_", "lokr_", "oft_", "boft_", "vera_", "randlora_"]

  init(_ name: String) {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let kind = parts.last.flatMap { ["weight", "bias"].contains($0) ? $0 : nil }
    if let index = parts.indices.dropFirst().last(where: { Self.isAddition(parts[$0]) }),
      parts.count - index <= 3
    {
      // The name of the set of adapters says nothing where there is one.
      let own = parts[index] + (kind.map { ".\($0)" } ?? "")
      parts = parts[..<index].filter { $0 != "base_layer" }
      (host, addition) = ("\(parts.joined(separator: ".")).weight", ".\(own)")
      return
    }
    (host, addition) = (parts.filter { $0 != "base_layer" }.joined(separator: "."), "")
  }

  private static func isAddition(_ part: Substring) -> Bool { families.contains { part.hasPrefix($0) } }

  /// The name of this tensor where its host has another one.
  func named(_ hostName: String) -> String {
    guard !addition.isEmpty else { return hostName }
    let stem = [".weight", ".bias"].first { hostName.hasSuffix($0) }.map { hostName.dropLast($0.count) }
    return (stem ?? hostName[...]) + addition
  }
}
