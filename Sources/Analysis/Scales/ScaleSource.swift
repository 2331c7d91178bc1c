import RunData

/// The gains and learned scales of the layers of one model, as the analysis takes them: of a run at every snapshot, or of
/// a checkpoint.
public struct ScaleSource: Sendable {
  /// Where the values are.
  public enum Origin: Sendable {
    /// A run without gradients, its snapshots in order, and the learning rate of the update at a step by its configuration; nil
    /// where that does not say.
    case run(RecordedRun, snapshots: [ScaleSnapshot], schedule: (@Sendable (Int) -> Double)?)
    /// Numbers of the layers, ascending, and the gains that they have.
    case checkpoint(layers: [Int], gains: [Gain])
  }

  /// One gain in one layer of a checkpoint.
  public struct Gain: Equatable, Sendable {
    /// The name within the layer, e.g. `ffn_layernorm.weight`.
    public var name: String
    /// The layer's number.
    public var layer: Int
    /// As they multiply, `(element)`.
    public var values: [Double]

    /// Creates a gain.
    public init(name: String, layer: Int, values: [Double]) {
      self.name = name
      self.layer = layer
      self.values = values
    }
  }

  /// What the reader calls it: the path as it was given.
  public let title: String
  /// Which stack of layers it is: `decoder`; layers of different stacks are never compared.
  public let stack: String
  /// Where the values are.
  public let origin: Origin
  /// The snapshot that was asked for, in updates made; nil for the last.
  public let step: Int?
  /// What a reader should know about these values.
  public let remarks: [String]

  /// Creates a source.
  public init(
    title: String, stack: String = "decoder", origin: Origin, step: Int? = nil, remarks: [String] = []
  ) {
    self.title = title
    self.stack = stack
    self.origin = origin
    self.step = step
    self.remarks = remarks
  }
}

extension ScaleSource {
  /// The run; nil for a checkpoint.
  var run: RecordedRun? { if case .run(let run, _, _) = origin { run } else { nil } }

  /// Updates made before each snapshot; of a checkpoint one, unknown.
  var steps: [Int?] {
    switch origin {
    case .run(_, let snapshots, _): snapshots.map(\.step)
    case .checkpoint: [nil]
    }
  }

  /// Numbers of the layers, ascending.
  var layers: [Int] {
    switch origin {
    case .run(let run, _, _): Array(0..<run.manifest.gradients.layerCount)
    case .checkpoint(let layers, _): layers
    }
  }

  /// Names of the gains that any layer has: the paper's additions first, others in the order in which data pass them.
  var names: [String] {
    let all =
      switch origin {
      case .run(let run, _, _): run.manifest.scaleTensorNames
      case .checkpoint(_, let gains): gains.map(\.name)
      }
    var seen: Set<String> = []
    let each = all.filter { seen.insert($0).inserted }
    return each.enumerated().sorted {
      (GainName.rank($0.element), $0.offset) < (GainName.rank($1.element), $1.offset)
    }.map(\.element)
  }

  /// The values of a gain in each layer at a snapshot, `(layer)(element)`; nil where a layer has no such gain.
  func values(of name: String, snapshot: Int) -> [[Double]?] {
    switch origin {
    case .run(let run, let snapshots, _):
      guard let index = run.manifest.scaleTensorNames.firstIndex(of: name) else {
        return layers.map { _ in nil }
      }
      return layers.map { layer in
        run.manifest.scaleValues(index, tensor: name, layer: layer, in: snapshots[snapshot]).map {
          $0.map(Double.init)
        }
      }
    case .checkpoint(_, let gains):
      let own = Dictionary(gains.filter { $0.name == name }.map { ($0.layer, $0.values) }) { first, _ in first
      }
      return layers.map { own[$0] }
    }
  }

  /// How a gain begins and is kept; of a checkpoint's, as most do: from 1, as it multiplies.
  func layout(of name: String) -> ScaleLayout {
    guard let manifest = run?.manifest, let index = manifest.scaleTensorNames.firstIndex(of: name) else {
      return ScaleLayout(name: name, axis: .modelElement)
    }
    return manifest.scales[index]
  }

  /// What weight decay did to the gains.
  var decay: GainDecay {
    switch origin {
    case .run(let run, let snapshots, let schedule):
      GainDecay(of: run, steps: snapshots.map(\.step), schedule: schedule)
    case .checkpoint: .unknown("a checkpoint does not say what it was trained with")
    }
  }
}
