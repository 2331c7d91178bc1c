import RunData

/// A variable that has a row for every step.
public struct StepVariable: Equatable, Sendable {
  /// What one row runs over.
  public enum Axis: Sendable {
    /// A single number.
    case none
    /// `(layer, tensor)`, layer-major.
    case layerTensor
    /// The tensors outside the layers.
    case stemTensor
    /// `(layer, operation)`, layer-major.
    case layerOperation
    /// The operations after the layers.
    case stemOperation
    /// `(layer, expert)`, layer-major.
    case layerExpert
    /// `(layer, head)`, layer-major.
    case layerHead
  }

  /// The name in the file, e.g. `gradient_l1`.
  public var name: String
  /// What one row runs over.
  public var axis: Axis
  /// Whether its numbers are integers.
  public var isInteger: Bool

  /// The variable whose cells are `TensorSums.missingCount` where those of this one are missing; nil where none can be.
  public var countVariable: String? {
    let prefixes = [
      "stem_gradient_", "expert_gradient_", "gradient_", "stem_activation_gradient_", "stem_activation_",
      "activation_gradient_", "activation_",
    ]
    guard let prefix = prefixes.first(where: name.hasPrefix), axis != .none else { return nil }
    return name == prefix + "zeros" ? name : prefix + "nonfinite"
  }
}

/// Consecutive steps of some variables.
public struct StepBlock: Sendable {
  /// The steps.
  public var steps: [Int]
  /// The values of each variable that was asked for, `(step, cell)`, row-major; integers are exact up to 2^53.
  public var values: [[Double]]
}

extension RunFileReader {
  /// The variables that have a row for every step, in file order; `step` itself is not among them.
  public var stepVariables: [StepVariable] {
    schema.steps.columns.map {
      let axis: StepVariable.Axis =
        switch $0.dimensions {
        case [.layer, .tensor]: .layerTensor
        case [.layer, .operation]: .layerOperation
        case [.stemTensor]: .stemTensor
        case [.stemOperation]: .stemOperation
        case [.layer, .expert]: .layerExpert
        case [.layer, .head]: .layerHead
        default: .none
        }
      return StepVariable(
        name: $0.name, axis: axis, isInteger: $0.number.isInteger)
    }
  }

  /// Goes through the steps a block at a time, with whatever is recorded of them, in memory that does not grow with
  /// the run. Rows whose checksum is wrong are left out, and noted in ``damagedRows``.
  ///
  /// - Parameters:
  ///   - names: names of ``stepVariables``; ``StepBlock/values`` has their order.
  ///   - window: steps that are read; nil for all.
  /// - Throws: ``RunFileError``, and what `body` throws.
  public func forEachBlock(
    of names: [String], window: Range<Int>? = nil, _ body: (StepBlock) throws -> Void
  ) throws {
    let columns = try names.map { name in
      guard let column = stepTable.column(name) else {
        throw RunFileError(.mismatch, path: path, "has no variable \(name) by step")
      }
      return column
    }
    try forEachBlock(rows(in: window)) { rows in
      for stretch in soundStretches(of: stepTable, in: rows) {
        let values = try reading {
          try columns.map { column in
            try column.load(stretch)
            return column.reals
          }
        }
        try body(StepBlock(steps: Array(steps[stretch]), values: values))
      }
    }
  }
}
