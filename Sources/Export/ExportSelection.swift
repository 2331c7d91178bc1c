import RunData
import RunFile

/// What of a run is exported.
public struct ExportSelection {
  /// The name of the validation losses, which have steps of their own.
  static let validationLoss = "validation_loss"
  /// The names of what texts and tasks gave, which have steps of their own, too.
  static let evaluations = ["evaluation_loss", "evaluation_accuracy"]

  /// Variables with a row for every step.
  let variables: [StepVariable]
  /// Whether validation losses are among it.
  let hasValidation: Bool
  /// Which of ``evaluations`` are among it.
  let evaluationNames: [String]
  /// Whether the snapshots of the scales are among it.
  let hasScales: Bool
  /// Steps; of validations and snapshots, updates made. Nil for all.
  let window: Range<Int>?

  /// Everything in a run, or what was asked for by name.
  /// - Throws: ``ExportError/noSuchVariable(_:path:known:)`` for a name that the run has not.
  public init(_ names: [String]?, of reader: RunFileReader, hasScales: Bool, window: Range<Int>?) throws {
    self.hasScales = hasScales
    self.window = window
    guard let names else {
      variables = reader.stepVariables
      hasValidation = true
      evaluationNames = reader.manifest.evaluations.isEmpty ? [] : Self.evaluations
      return
    }
    let evaluations = reader.manifest.evaluations.isEmpty ? [] : Self.evaluations
    let known = reader.stepVariables.map(\.name) + [Self.validationLoss] + evaluations
    for name in names where !known.contains(name) {
      throw ExportError.noSuchVariable(name, path: reader.path, known: known)
    }
    let wanted = names.filter { $0 != Self.validationLoss && !evaluations.contains($0) }
    variables = wanted.compactMap { name in reader.stepVariables.first { $0.name == name } }
    hasValidation = names.contains(Self.validationLoss)
    evaluationNames = evaluations.filter(names.contains)
  }
}

extension StepVariable {
  /// A number of one step: where it belongs.
  struct Cell {
    var layer: Int?
    /// A tensor's or an operation's name.
    var tensor: String?
    /// Whether the layer has the tensor.
    var isPresent = true
  }

  /// What the numbers of one row belong to, in their order.
  func cells(of manifest: RunManifest) -> [Cell] {
    let layout = manifest.gradients
    func grid(_ names: [String], isPresent: (Int) -> Bool) -> [Cell] {
      (0..<layout.layerCount).flatMap { layer in
        names.enumerated().map { index, name in
          Cell(layer: layer, tensor: name, isPresent: isPresent(layer * names.count + index))
        }
      }
    }
    return switch axis {
    case .none: [Cell()]
    case .layerTensor: grid(layout.tensorNames) { layout.elementCounts[$0] > 0 }
    case .stemTensor: layout.stemTensorNames.map { Cell(tensor: $0) }
    case .layerOperation: grid(manifest.operationNames) { _ in true }
    case .stemOperation: manifest.stemOperationNames.map { Cell(tensor: $0) }
    case .layerHead: grid((0..<manifest.headCount).map { "heads.\($0)" }) { _ in true }
    case .layerExpert:
      grid((0..<(layout.experts?.count ?? 0)).map { "experts.\($0)" }) {
        (layout.experts?.elementCounts[$0] ?? 0) > 0
      }
    }
  }
}
