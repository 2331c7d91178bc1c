/// A tensor of a checkpoint: name, type, shape and where its elements lie.
public struct TensorInfo: Equatable, Sendable {
  /// The name; never taken for a path.
  public let name: String
  /// Type of the elements.
  public let type: TensorType
  /// Sizes, slowest first; empty for a single number.
  public let shape: [Int]
  /// Which of ``Checkpoint/files`` holds the elements.
  public let file: Int
  /// The bytes from the first element to the end of the last one. With strides, others may lie between.
  public let byteRange: Range<Int>
  /// Elements from one index to the next, along each dimension; nil for C order without gaps.
  public let strides: [Int]?
  /// Which of the checkpoint's checksums covers the elements.
  let checksum: Int?
  /// The elements of a tensor that lies in memory; `byteRange` counts in them as if they were stored.
  let values: [Float]?
  /// What the elements are made of where they do not lie in a file as they are read; `byteRange` counts in them as if they did.
  let origin: TensorOrigin?

  init(
    name: String, type: TensorType, shape: [Int], file: Int = 0, byteRange: Range<Int>, strides: [Int]? = nil,
    checksum: Int? = nil, values: [Float]? = nil, origin: TensorOrigin? = nil
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    self.file = file
    self.byteRange = byteRange
    self.strides = strides == Self.contiguousStrides(shape) ? nil : strides
    self.checksum = checksum
    self.values = values
    self.origin = origin
  }

  /// Number of elements.
  public var elementCount: Int { shape.reduce(1, *) }

  /// Strides of C order without gaps.
  static func contiguousStrides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for dimension in shape.indices.dropLast().reversed() {
      strides[dimension] = strides[dimension + 1] * max(shape[dimension + 1], 1)
    }
    return strides
  }

  /// The same tensor, where another file and other checksums come before its own.
  func after(files fileCount: Int, checksums checksumCount: Int) -> TensorInfo {
    TensorInfo(
      name: name, type: type, shape: shape, file: file + fileCount, byteRange: byteRange, strides: strides,
      checksum: checksum.map { $0 + checksumCount }, values: values,
      origin: origin?.after(files: fileCount, checksums: checksumCount))
  }

  /// Some indices of one dimension.
  /// - Precondition: the tensor has the dimension, `indices` lie inside it, and elements take whole bytes.
  func slice(_ indices: Range<Int>, dimension: Int) -> TensorInfo {
    precondition(indices.lowerBound >= 0 && indices.upperBound <= shape[dimension])
    var shape = shape
    shape[dimension] = indices.count
    let strides = strides ?? Self.contiguousStrides(self.shape)
    return view(shape, strides, firstElement: indices.lowerBound * strides[dimension])
  }

  /// One dimension as two: stretches of `period` indices, and the indices in each.
  /// - Precondition: the tensor has the dimension, `period` divides its size, and elements take whole bytes.
  func split(_ dimension: Int, by period: Int) -> TensorInfo {
    var (shape, strides) = (shape, strides ?? Self.contiguousStrides(shape))
    let stride = strides[dimension]
    shape.replaceSubrange(dimension...dimension, with: [shape[dimension] / period, period])
    strides.replaceSubrange(dimension...dimension, with: [period * stride, stride])
    return view(shape, strides, firstElement: 0)
  }

  /// A matrix with rows and columns exchanged.
  /// - Precondition: the tensor is a matrix, and elements take whole bytes.
  var transposed: TensorInfo {
    precondition(shape.count == 2)
    let strides = strides ?? Self.contiguousStrides(shape)
    return view(shape.reversed(), strides.reversed(), firstElement: 0)
  }

  /// As a vector; nil where more than one dimension has more than one index.
  var flattened: TensorInfo? {
    guard type.bitCount.isMultiple(of: 8), shape.count(where: { $0 != 1 }) <= 1 else { return nil }
    let strides = strides ?? Self.contiguousStrides(shape)
    let dimension = shape.firstIndex { $0 != 1 }
    return view([elementCount], [dimension.map { strides[$0] } ?? 1], firstElement: 0)
  }

  private func view(_ shape: [Int], _ strides: [Int], firstElement: Int) -> TensorInfo {
    let elementBytes = type.bitCount / 8
    let start = byteRange.lowerBound + firstElement * elementBytes
    let span = shape.contains(0) ? 0 : 1 + zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    return TensorInfo(
      name: name, type: type, shape: shape, file: file, byteRange: start..<(start + span * elementBytes),
      strides: strides, checksum: checksum, values: values, origin: origin)
  }
}
