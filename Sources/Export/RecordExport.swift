import Analysis
import RunData
import RunFile
import RunReading

/// A run as lines, one a number: steps in order, then validation losses, then evaluations, then snapshots of the scales.
public struct RecordExport {
  private let reading: GuardedReading
  private let reader: RunFileReader
  private let selection: ExportSelection
  private let syntax: RecordSyntax

  /// Exports what `selection` says of a run.
  public init(
    reading: GuardedReading, reader: RunFileReader, selection: ExportSelection, syntax: RecordSyntax
  ) {
    self.reading = reading
    self.reader = reader
    self.selection = selection
    self.syntax = syntax
  }

  private var manifest: RunManifest { reader.manifest }

  /// Writes everything; what waits in the stream stays small.
  public func write(to stream: ExportStream) throws {
    stream.pending += syntax.header
    try writeSteps(to: stream)
    if selection.hasValidation { try writeValidations(to: stream) }
    if !selection.evaluationNames.isEmpty { try writeEvaluations(to: stream) }
    if selection.hasScales { try writeScales(to: stream) }
  }

  private func writeSteps(to stream: ExportStream) throws {
    let variables = selection.variables
    guard !variables.isEmpty else { return }
    let rows = variables.map { RowLines($0, of: manifest, syntax) }
    let missing = MissingNumbers(variables)
    let names = variables.map(\.name) + missing.names
    try reading.forEachBlock(reader, of: names, window: selection.window) { block in
      let counts = variables.indices.map { missing.counts(ofVariable: $0, in: block) }
      for (index, step) in block.steps.enumerated() {
        let head = syntax.head(run: manifest.runID, step: step)
        for (variable, row) in rows.enumerated() {
          row.append(
            to: &stream.pending, head: head, values: block.values[variable], counts: counts[variable],
            index: index)
          try stream.flushIfLarge()
        }
      }
    }
  }

  private func writeValidations(to stream: ExportStream) throws {
    let middle = syntax.middle(RecordSyntax.Subject(statistic: ExportSelection.validationLoss))
    for record in try reading.validationRecords(reader, window: selection.window) {
      stream.pending += syntax.head(run: manifest.runID, step: record.step) + middle
      syntax.append(record.loss, to: &stream.pending)
      try stream.flushIfLarge()
    }
  }

  /// The text or task stands where others have a tensor; what a text has no number of has no line.
  private func writeEvaluations(to stream: ExportStream) throws {
    for record in try reading.evaluationRecords(reader, window: selection.window) {
      let head = syntax.head(run: manifest.runID, step: record.step)
      for name in selection.evaluationNames {
        let values = name == ExportSelection.evaluations[0] ? record.losses : record.accuracies
        for (layout, value) in zip(manifest.evaluations, values)
        where layout.isTask || name == ExportSelection.evaluations[0] {
          stream.pending += head
          stream.pending += syntax.middle(RecordSyntax.Subject(tensor: layout.name, statistic: name))
          syntax.append(value, to: &stream.pending)
        }
      }
      try stream.flushIfLarge()
    }
  }

  private func writeScales(to stream: ExportStream) throws {
    let tensors = manifest.scaleTensorNames
    try reading.forEachSnapshot(reader, window: selection.window) { snapshot in
      let head = syntax.head(run: manifest.runID, step: snapshot.step)
      for (index, scale) in manifest.scales.enumerated() {
        for layer in 0..<manifest.gradients.layerCount {
          // A layer without the scale has no line.
          guard let values = manifest.scaleValues(index, tensor: tensors[index], layer: layer, in: snapshot)
          else { continue }
          for (element, value) in values.enumerated() {
            let subject = RecordSyntax.Subject(
              layer: layer, element: element, statistic: "scale_\(scale.name)")
            stream.pending += head
            stream.pending += syntax.middle(subject)
            syntax.append(value, to: &stream.pending)
          }
          try stream.flushIfLarge()
        }
      }
    }
  }
}

/// The lines of one variable: everything but run, step and value is made once.
private struct RowLines {
  private let syntax: RecordSyntax
  private let middles: [[UInt8]]
  private let isPresent: [Bool]
  private let isInteger: Bool
  private let isSampled: Bool

  init(_ variable: StepVariable, of manifest: RunManifest, _ syntax: RecordSyntax) {
    self.syntax = syntax
    isInteger = variable.isInteger
    isSampled = variable.isSampled
    let cells = variable.cells(of: manifest)
    isPresent = cells.map(\.isPresent)
    middles = cells.map {
      syntax.middle(RecordSyntax.Subject(layer: $0.layer, tensor: $0.tensor, statistic: variable.name))
    }
  }

  /// Appends the lines of one step, whose run and step are `head`; what was not measured has none.
  func append(to text: inout [UInt8], head: [UInt8], values: [Double], counts: [Double]?, index: Int) {
    let first = index * middles.count
    for cell in middles.indices where isPresent[cell] {
      if let counts, counts[first + cell] == Double(TensorSums.missingCount) { continue }
      if isSampled, values[first + cell].isNaN { continue }
      text.append(contentsOf: head)
      text.append(contentsOf: middles[cell])
      syntax.append(values[first + cell], isInteger: isInteger, to: &text)
    }
  }
}
