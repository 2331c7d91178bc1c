import Analysis
import Checkpoints
import RunData

/// One of the checkpoints that are compared.
public struct ComparisonSide: Sendable {
  /// What the reader calls it: the path as it was given.
  public let title: String
  /// Its tensors at their places.
  public let view: ModelView
  /// Whether it holds nothing but gains and scales, so that what else another side has is not missing here.
  public let holdsOnlyScales: Bool
  /// All tensors that are compared, in the order in which data pass them.
  let tensors: [SideTensor]
  private let layers: Set<Layer>

  private struct Layer: Hashable {
    let stack: String
    let number: Int
  }

  /// A checkpoint.
  public init(title: String, checkpoint: Checkpoint) throws(CheckpointError) {
    try self.init(title: title, checkpoint: checkpoint, holdsOnlyScales: false)
  }

  /// The scales of a run at one of its snapshots, as `decoder.layers.N.ffn_layernorm.weight` and so on.
  ///
  /// A layer without a scale has none here.
  public init(title: String, manifest: RunManifest, snapshot: ScaleSnapshot) throws(CheckpointError) {
    let layerCount = manifest.gradients.layerCount
    let names = manifest.scaleTensorNames
    var values: [(name: String, shape: [Int], values: [Float])] = []
    for layer in 0..<layerCount {
      for (index, name) in names.enumerated() {
        guard let own = manifest.scaleValues(index, tensor: name, layer: layer, in: snapshot) else {
          continue
        }
        values.append(("decoder.layers.\(layer).\(name)", [own.count], Array(own)))
      }
    }
    let checkpoint = Checkpoint(
      path: title, format: .safetensors, metadata: ["step": "\(snapshot.step)"], values: values)
    try self.init(title: title, checkpoint: checkpoint, holdsOnlyScales: true)
  }

  private init(title: String, checkpoint: Checkpoint, holdsOnlyScales: Bool) throws(CheckpointError) {
    self.title = title
    let view = try ModelView(checkpoint)
    self.view = view
    self.holdsOnlyScales = holdsOnlyScales
    tensors =
      view.tensors.map(SideTensor.init)
      + (view.unknown + view.bookkeeping).map {
        SideTensor($0, view.ownPlaces[$0.name])
      }
    layers = Set(tensors.compactMap { Self.layer($0.label) })
  }

  private static func layer(_ label: TensorLabel) -> Layer? {
    label.layer.map { Layer(stack: label.stack, number: $0) }
  }

  /// Whether it has any tensor of a label's layer; true for labels outside the layers.
  func hasLayer(of label: TensorLabel) -> Bool { Self.layer(label).map(layers.contains) ?? true }
}

/// A tensor of one side.
struct SideTensor: Sendable {
  let label: TensorLabel
  let info: TensorInfo
  /// Nil under its own name.
  let placed: ModelTensor?

  init(_ tensor: ModelTensor) {
    (label, info, placed) = (TensorLabel(tensor.place), tensor.tensor, tensor)
  }

  init(_ tensor: TensorInfo, _ place: OwnPlace?) {
    (label, info, placed) = (TensorLabel(ownName: tensor.name, place), tensor, nil)
  }

  var shape: [Int] { placed?.shape ?? info.shape }
  var elementCount: Int { shape.reduce(1, *) }
  var isGainStoredMinusOne: Bool { placed?.isGainStoredMinusOne == true }

  /// Whether float32 holds every element as it multiplies.
  var fitsFloat: Bool { info.type != .f64 && !isGainStoredMinusOne }

  /// Whether neighbours lie apart in the file, so that small windows would read much in vain.
  var isScattered: Bool {
    if placed?.part.isScattered == true { return true }
    return placed?.isTransposed == true || info.strides != nil
  }
}

extension ComparisonSide {
  func read(
    _ tensor: SideTensor, _ elements: Range<Int>, into values: inout [Float], at start: Int = 0
  ) throws {
    if let placed = tensor.placed {
      try view.read(placed, elements: elements, into: &values, at: start)
    } else {
      try view.checkpoint.read(tensor.info, elements: elements, into: &values, at: start)
    }
  }

  func read(_ tensor: SideTensor, _ elements: Range<Int>, into values: inout [Double]) throws {
    if let placed = tensor.placed {
      try view.read(placed, elements: elements, into: &values)
    } else {
      try view.checkpoint.read(tensor.info, elements: elements, into: &values)
    }
  }

  func readBits(_ tensor: SideTensor, _ elements: Range<Int>, into values: inout [UInt64]) throws {
    try view.checkpoint.readBits(tensor.info, elements: elements, into: &values)
  }
}
