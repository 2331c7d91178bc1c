/// An operation of a model: its name, and the layer that it belongs to.
public struct OperationPlace: Equatable, Hashable, Sendable, CustomStringConvertible {
  /// The layer; nil before and after the layers.
  public var layer: Int?
  /// The name within the layer, e.g. `self_attn.logits`; the full name outside the layers.
  public var name: String

  /// The name, within a layer, of the residual stream that enters it.
  public static let streamName = "input"

  /// Creates a place.
  public init(layer: Int?, name: String) {
    self.layer = layer
    self.name = name
  }

  /// The full name, e.g. `decoder.layers.3.fc1`.
  public var description: String { layer.map { "decoder.layers.\($0).\(name)" } ?? name }

  /// Every place in the order of the forward pass: the operations of each layer in turn, then those after the layers.
  public static func forwardOrder(
    layerCount: Int, operationNames: [String], stemOperationNames: [String]
  ) -> [OperationPlace] {
    (0..<layerCount).flatMap { layer in operationNames.map { OperationPlace(layer: layer, name: $0) } }
      + stemOperationNames.map { OperationPlace(layer: nil, name: $0) }
  }
}

/// The largest output of every operation over the recorded steps of a run.
public struct OutputMaxima: Equatable, Sendable {
  /// The operations, in the order of the forward pass.
  public var places: [OperationPlace]
  /// max |x| of each operation's output, `(step)(place)`; not finite where an element is not.
  public var values: [[Double]]

  /// Creates a series.
  /// - Precondition: each step has a value a place.
  public init(places: [OperationPlace], values: [[Double]]) {
    precondition(values.allSatisfy { $0.count == places.count }, "a value for each of \(places.count) places")
    self.places = places
    self.values = values
  }
}
