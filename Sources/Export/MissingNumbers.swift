import RunData
import RunFile

extension StepVariable {
  /// Whether it may be measured at some steps alone, as weights and updates are; at the others it is not a number.
  var isSampled: Bool {
    let name = name.trimmingPrefix("stem_")
    return ["weight_", "update_", "attention_"].contains(where: name.hasPrefix)
  }
}

/// Tells which numbers of a block of steps are missing, for their tensor does not train at that step: they are no line of an
/// export.
struct MissingNumbers {
  /// Variables that are read after those that are exported.
  let names: [String]
  /// By exported variable, which of ``names`` tells; nil where nothing can be missing.
  private let places: [Int?]

  init(_ variables: [StepVariable]) {
    var names: [String] = []
    places = variables.map { variable in
      guard let name = variable.countVariable else { return nil }
      if let place = names.firstIndex(of: name) { return place }
      names.append(name)
      return names.count - 1
    }
    self.names = names
  }

  /// The numbers that tell of one exported variable, of a block with all variables; nil where nothing can be missing.
  func counts(ofVariable variable: Int, in block: StepBlock) -> [Double]? {
    places[variable].map { block.values[places.count + $0] }
  }
}
