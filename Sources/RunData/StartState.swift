/// Gradients and hidden states of a model at its initial values.
public struct StartState: Sendable {
  /// Mean loss of the batches, nats a token.
  public var loss = 0.0
  /// The Frobenius norm of the gradient's mean over all batches, by tensor, then layer: the "expected gradient" of Xiong et al.
  /// (2020), Figure 3.
  public var gradientNorms: [String: [Double]]
  /// ‖x_l‖² at every position of every batch, for the stream that enters layer l, and last for what leaves the last layer.
  public var streamSquares: [[Double]]

  /// Nothing measured yet.
  public init(layerCount: Int, tensors: [String]) {
    gradientNorms = Dictionary(tensors.map { ($0, []) }, uniquingKeysWith: { first, _ in first })
    streamSquares = Array(repeating: [], count: layerCount + 1)
  }
}
