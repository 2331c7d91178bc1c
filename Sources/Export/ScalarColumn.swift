import Analysis
import RunData
import RunFile
import Statistics
import TensorBoard

/// The series of one variable of a run: which column they come from, and how.
struct ScalarColumn {
  /// The variable in the file.
  let variable: StepVariable
  /// A series a cell; nil where a layer has no such tensor.
  private let tags: [ScalarTag?]
  /// Whether the series are roots of what the file has.
  private let takesRoot: Bool

  /// The series of a variable that was asked for. `gradient_l2` is the whole gradient's and each tensor's.
  static func columns(of variable: StepVariable, _ reader: RunFileReader) -> [ScalarColumn] {
    let manifest = reader.manifest
    let own = ScalarColumn(
      variable: variable, tags: variable.cells(of: manifest).map { tag(variable, $0) }, takesRoot: false)
    guard variable.name == "gradient_l2" else { return [own] }
    let squares = reader.stepVariables.filter {
      ["gradient_sum_squares", "stem_gradient_sum_squares"].contains($0.name)
    }
    return [own]
      + squares.map { squares in
        let tags = squares.cells(of: manifest).map { tag(named: "gradient_l2", $0) }
        return ScalarColumn(variable: squares, tags: tags, takesRoot: true)
      }
  }

  /// Appends the row of one step; what was not measured is no point of a series.
  func append(to event: inout ScalarEvent, _ values: [Double], counts: [Double]?, index: Int) {
    let first = index * tags.count
    for (cell, tag) in tags.enumerated() {
      guard let tag, counts?[first + cell] != Double(TensorSums.missingCount) else { continue }
      let value = values[first + cell]
      if variable.isSampled, value.isNaN { continue }
      event.append(tag, takesRoot ? value.squareRoot() : value)
    }
  }

  private static func tag(_ variable: StepVariable, _ cell: StepVariable.Cell) -> ScalarTag? {
    switch variable.name {
    case "loss": return ScalarTag("loss/train")
    case "gradient_l2": return ScalarTag("gradient_l2/total")
    // Tensors within and outside the layers belong side by side.
    default: return tag(named: String(variable.name.trimmingPrefix("stem_")), cell)
    }
  }

  /// `gradient_l1/fc2.weight/layer_03`; layers have two digits or more, so that they sort.
  private static func tag(named name: String, _ cell: StepVariable.Cell) -> ScalarTag? {
    guard cell.isPresent else { return nil }
    let parts = [name, cell.tensor, cell.layer.map(layerText)].compactMap { $0 }
    return ScalarTag(parts.joined(separator: "/"))
  }

  fileprivate static func layerText(_ layer: Int) -> String { "layer_\(layer < 10 ? "0" : "")\(layer)" }
}

/// The series of the learned scales' medians.
struct ScaleTags {
  /// `(scale)(layer)`.
  private let tags: [[ScalarTag]]

  init(_ manifest: RunManifest) {
    tags = manifest.scales.map { scale in
      (0..<manifest.gradients.layerCount).map {
        ScalarTag("scale_\(scale.name)/median/\(ScalarColumn.layerText($0))")
      }
    }
  }

  /// Appends the median of each layer's elements; one that is not finite makes it not a number.
  func append(medians snapshot: ScaleSnapshot, of manifest: RunManifest, to event: inout ScalarEvent) {
    let tensors = manifest.scaleTensorNames
    for (scale, layers) in tags.enumerated() {
      for (layer, tag) in layers.enumerated() {
        guard let values = manifest.scaleValues(scale, tensor: tensors[scale], layer: layer, in: snapshot)
        else { continue }
        event.append(tag, values.allSatisfy(\.isFinite) ? median(values.map(Double.init)) : .nan)
      }
    }
  }
}
