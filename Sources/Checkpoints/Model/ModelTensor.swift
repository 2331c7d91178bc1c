/// A tensor of a model, or its part of a fused one, with what it takes to read it as fairseq stores it.
public struct ModelTensor: Equatable, Sendable {
  /// The rows or columns of a stored tensor that are meant.
  public enum Part: Equatable, Sendable {
    /// All of it.
    case whole
    /// Some indices of the first dimension.
    case rows(Range<Int>)
    /// Some indices of the second dimension.
    case columns(Range<Int>)
  }

  /// Which part of the model it is.
  public let place: TensorPlace
  /// The tensor as it is stored.
  public let tensor: TensorInfo
  /// What of the stored tensor is meant.
  public let part: Part
  /// Whether it is stored as `(inputs, outputs)`, and read as `(outputs, inputs)`.
  public let isTransposed: Bool
  /// Whether one is added when it is read: it is a norm's gain, stored as its difference from one.
  public let isGainStoredMinusOne: Bool
  /// As many parts are fused in the stored tensor.
  let partCount: Int
  /// The part in the model's orientation.
  let view: TensorInfo

  /// Sizes in the model's orientation: a linear map has `(outputs, inputs)`.
  public var shape: [Int] { view.shape }
  /// Number of elements.
  public var elementCount: Int { view.elementCount }
  /// The name in the file.
  public var storedName: String { tensor.name }

  /// - Returns: nil where the tensor cannot be cut into `partCount` equal parts.
  init?(
    _ place: TensorPlace, _ tensor: TensorInfo, part index: Int = 0, of partCount: Int = 1,
    isTransposed: Bool = false, isGainStoredMinusOne: Bool = false, isVector: Bool = false
  ) {
    let isTransposed = isTransposed && tensor.shape.count == 2
    let dimension = isTransposed ? 1 : 0
    var (part, view) = (Part.whole, tensor)
    if partCount > 1 {
      guard tensor.shape.count > dimension, tensor.shape[dimension].isMultiple(of: partCount),
        tensor.type.bitCount.isMultiple(of: 8)
      else { return nil }
      let size = tensor.shape[dimension] / partCount
      let indices = (index * size)..<((index + 1) * size)
      part = isTransposed ? .columns(indices) : .rows(indices)
      view = tensor.slice(indices, dimension: dimension)
    }
    if isTransposed, tensor.type.bitCount.isMultiple(of: 8) { view = view.transposed }
    if isVector, let vector = view.flattened { view = vector }
    self.place = place
    self.tensor = tensor
    self.part = part
    self.isTransposed = isTransposed
    self.isGainStoredMinusOne = isGainStoredMinusOne
    self.partCount = partCount
    self.view = view
  }
}

extension ModelTensor {
  /// `shape`, as the tensor that holds this part would have to be stored.
  func storedShape(for shape: [Int]) -> [Int] {
    guard !shape.isEmpty else { return shape }
    let whole = [shape[0] * partCount] + shape.dropFirst()
    return isTransposed ? whole.reversed() : whole
  }
}
