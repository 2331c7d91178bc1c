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
    /// Some indices of every stretch of equal length, along one dimension: a projection by heads.
    case interleaved

    /// Whether neighbours of the part lie apart in the file.
    public var isScattered: Bool {
      switch self {
      case .whole, .rows: false
      case .columns, .interleaved: true
      }
    }
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
  public private(set) var isGainStoredMinusOne: Bool
  /// Sizes in the model's orientation: a linear map has `(outputs, inputs)`.
  public let shape: [Int]
  /// As many parts are fused in the stored tensor.
  let partCount: Int
  /// The part in the model's orientation, in C order the elements of `shape`.
  let view: TensorInfo

  /// Number of elements.
  public var elementCount: Int { view.elementCount }
  /// The name in the file.
  public var storedName: String { tensor.name }

  /// - Precondition: elements that are cut take whole bytes, and the tensor has what `cut` says.
  init(
    _ place: TensorPlace, _ tensor: TensorInfo, cut: Cut? = nil, of partCount: Int = 1,
    isTransposed: Bool = false, isGainStoredMinusOne: Bool = false, isVector: Bool = false
  ) {
    let isTransposed = isTransposed && tensor.shape.count == 2
    var (part, view, shape) = (Part.whole, tensor, tensor.shape)
    if let cut {
      shape[cut.dimension] = shape[cut.dimension] / cut.period * cut.length
      if cut.period == tensor.shape[cut.dimension] {
        let indices = cut.offset..<(cut.offset + cut.length)
        part = cut.dimension == 0 ? .rows(indices) : .columns(indices)
        view = tensor.slice(indices, dimension: cut.dimension)
      } else {
        part = .interleaved
        view = tensor.split(cut.dimension, by: cut.period).slice(
          cut.offset..<(cut.offset + cut.length), dimension: cut.dimension + 1)
      }
    }
    if isTransposed, tensor.type.bitCount.isMultiple(of: 8), view.shape.count == 2 {
      view = view.transposed
      shape.reverse()
    }
    if isVector, let vector = view.flattened { (view, shape) = (vector, vector.shape) }
    self.place = place
    self.tensor = tensor
    self.part = part
    self.isTransposed = isTransposed
    self.isGainStoredMinusOne = isGainStoredMinusOne
    self.shape = shape
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

extension ModelTensor {
  /// A gain under our own name, where its file says that it is stored minus one; nil for all others.
  init?(_ tensor: TensorInfo, _ own: OwnPlace?, _ storage: GainStorage) {
    guard let own, own.stack == TensorPlace.Stack.decoder.rawValue, own.expert == nil,
      storage.isStoredMinusOne(own.name, layer: own.layer, shape: tensor.shape)
    else { return nil }
    self.init(
      TensorPlace(stack: .decoder, layer: own.layer, name: own.name), tensor, isGainStoredMinusOne: true)
  }

  /// The tensor as its file says that gains are stored.
  func stored(by storage: GainStorage) -> ModelTensor {
    var tensor = self
    tensor.isGainStoredMinusOne =
      isGainStoredMinusOne || storage.isStoredMinusOne(place.name, layer: place.layer, shape: shape)
    return tensor
  }

  /// The tensor without what is added when it is read.
  var asStored: ModelTensor {
    var tensor = self
    tensor.isGainStoredMinusOne = false
    return tensor
  }
}
