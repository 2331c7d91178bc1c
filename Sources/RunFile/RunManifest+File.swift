import Checksums
import RunData

extension RunManifest {
  /// CRC-32C of everything in the manifest: strings as UTF-8 and a NUL, numbers as eight little-endian bytes. It
  /// tells damage of the attributes and coordinates from data.
  var checksum: UInt32 {
    var crc = CRC32C()
    for text in [runID, architecture, configurationJSON, startedAt] { crc.update(text) }
    for label in contract.labels { crc.update(label.value) }
    crc.update([Int64(bitPattern: seed)])
    crc.update(corpus.name)
    crc.update(corpus.sha256)
    crc.update([Int64(corpus.tokenCount ?? -1), Int64(corpus.vocabularySize)])
    crc.update([corpus.unigramEntropy, corpus.entropyRate ?? .infinity])
    for text in [machine.program, machine.cpu, machine.blas] { crc.update(text) }
    crc.update([machine.threads, modelDim, ffnDim, headCount].map(Int64.init))
    if usesAxis(.headElement) { crc.update([Int64(headDim)]) }
    for names in [
      gradients.layerNames, gradients.tensorNames, gradients.stemTensorNames, operationNames,
      [ScaleList.text(scales)],
    ] {
      crc.update([Int64(names.count)])
      for name in names { crc.update(name) }
    }
    // Files of earlier programs have none of these, and their checksums stay as they are.
    if !stemOperationNames.isEmpty {
      crc.update([Int64(stemOperationNames.count)])
      for name in stemOperationNames { crc.update(name) }
    }
    if hasLossScale { crc.update(RunSchema.lossScale) }
    if hasWeights { crc.update("weights") }
    if hasUpdates { crc.update("updates") }
    if hasNoise { crc.update("noise") }
    if hasOutputMoments { crc.update("moments") }
    if hasExampleNorms { crc.update("examples") }
    for metric in metrics { crc.update(RunSchema.variable(of: metric)) }
    if !evaluations.isEmpty {
      crc.update([Int64(evaluations.count)])
      for evaluation in evaluations { crc.update(evaluation.name) }
      for variable in EvaluationCounts.variables {
        crc.update(evaluations.map { Int64(variable.count($0)) })
      }
    }
    if let packing { crc.update([Int64(packing.every), Int64(packing.recordedSteps)]) }
    crc.update((gradients.elementCounts + gradients.stemElementCounts).map(Int64.init))
    crc.update(
      (gradients.isZeroByConstruction + gradients.stemIsZeroByConstruction).map { $0 ? UInt8(1) : 0 })
    return crc.value
  }

  /// Why no run file can be made from this manifest; nil when one can.
  var obstacle: String? {
    let names = [
      gradients.layerNames, gradients.tensorNames, gradients.stemTensorNames, operationNames,
      stemOperationNames, evaluations.map(\.name),
    ]
    if gradients.layerNames.isEmpty { return "a run needs at least one layer" }
    if gradients.tensorNames.isEmpty { return "a run needs at least one tensor in its layers" }
    for list in names + [scales.map(\.name)] {
      if Set(list).count != list.count { return "a name occurs twice in \(list)" }
      if let bad = list.first(where: { $0.isEmpty || $0.utf8.contains(0) }) { return "'\(bad)' is no name" }
    }
    if let bad = scales.first(where: { scale in !scale.name.utf8.allSatisfy(ScaleList.allows) }) {
      return "'\(bad.name)' cannot name a scale: only letters, digits and underscores can"
    }
    let counts = gradients.elementCounts + gradients.stemElementCounts
    if let bad = counts.first(where: { $0 < 0 || $0 > UInt32.max }) {
      return "a tensor of \(bad) elements: between 0 and \(UInt32.max) can be recorded"
    }
    if let bad = scales.first(where: { size(of: $0.axis) < 1 }) {
      return "the scale \(bad.name) has no elements"
    }
    return nil
  }

  /// Whether a scale's elements run over an axis.
  func usesAxis(_ axis: ScaleLayout.Axis) -> Bool { scales.contains { $0.axis == axis } }

  /// Elements of a scale in one layer.
  func size(of axis: ScaleLayout.Axis) -> Int {
    switch axis {
    case .modelElement: modelDim
    case .ffnElement: ffnDim
    case .head: headCount
    case .headElement: headDim
    case .single: 1
    }
  }
}

/// The list of a run's scales as one attribute: `ffn_layernorm:ffn_element c_attn:head`.
///
/// A scale that does not begin at 1 says at what (`attn_layer_scale:model_element:0.1`, `varies` where layers differ); one
/// that the model keeps as its difference from one says that last (`attn_ln:model_element:1:minus-one`).
enum ScaleList {
  private static let varies = "varies"
  private static let minusOne = "minus-one"

  static func text(_ scales: [ScaleLayout]) -> String {
    scales.map { scale in
      var parts = [scale.name, scale.axis.rawValue]
      if scale.initialValue != 1 || scale.isStoredMinusOne {
        parts.append(scale.initialValue.map { "\($0)" } ?? varies)
      }
      if scale.isStoredMinusOne { parts.append(minusOne) }
      return parts.joined(separator: ":")
    }.joined(separator: " ")
  }

  /// The scales in a text; nil where it is no such list.
  static func scales(_ text: String) -> [ScaleLayout]? {
    var scales: [ScaleLayout] = []
    for entry in text.split(separator: " ") {
      let parts = entry.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard (2...4).contains(parts.count), let axis = ScaleLayout.Axis(rawValue: parts[1]),
        !parts[0].isEmpty, parts[0].utf8.allSatisfy(allows)
      else { return nil }
      var scale = ScaleLayout(name: parts[0], axis: axis)
      if parts.count > 2 {
        scale.initialValue = Double(parts[2])
        guard scale.initialValue?.isFinite ?? (parts[2] == varies) else { return nil }
      }
      if parts.count > 3 {
        guard parts[3] == minusOne else { return nil }
        scale.isStoredMinusOne = true
      }
      scales.append(scale)
    }
    return scales
  }

  static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
