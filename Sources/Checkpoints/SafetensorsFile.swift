import FileAccess

/// A safetensors file, open for reading one tensor, or a part of one, at a time.
///
/// The header is read and checked whole when the file is opened; elements are read when asked for, by bounded reads.
/// The file is never mapped. No name in it is ever taken for a path.
public struct SafetensorsFile: Sendable {
  /// The file as the caller named it.
  public let path: String
  /// All tensors, in the order of their bytes.
  public let tensors: [TensorInfo]
  /// The header's `__metadata__`.
  public let metadata: [String: String]

  private let file: RandomAccessFile
  private let indices: [String: Int]

  /// Opens a file and checks its header.
  /// - Throws: where the file cannot be read or is not a whole, valid safetensors file.
  public init(path: String) throws(CheckpointError) {
    self.path = path
    do {
      file = try RandomAccessFile(path: path)
      let header = try Self.header(of: file)
      tensors = header.tensors
      metadata = header.metadata
    } catch let error as HeaderError {
      throw CheckpointError(
        path: path,
        problem: "not a valid safetensors file: \(error.problem) (byte \(error.position) of the header)",
        advice: "It may be cut off, damaged or of another format")
    } catch let error as FileAccessError {
      throw CheckpointError(error)
    } catch {
      throw CheckpointError(path: path, problem: "\(error)")
    }
    indices = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
  }

  private static func header(of file: RandomAccessFile) throws -> SafetensorsHeader {
    guard file.byteCount >= 8 else {
      throw HeaderError(
        problem: "the file has \(file.byteCount) bytes; the header's length alone has 8", position: 0)
    }
    var length: [UInt64] = [0]
    try file.read(into: &length, range: 0..<1, at: 0)
    let available = file.byteCount - 8
    guard length[0] <= UInt64(SafetensorsHeader.maximumByteCount) else {
      let most = SafetensorsHeader.maximumByteCount
      throw HeaderError(
        problem: "a header of \(length[0]) bytes is stated; the most is \(most)", position: 0)
    }
    let count = Int(length[0])
    guard count <= available else {
      throw HeaderError(
        problem: "a header of \(count) bytes is stated, but \(available) bytes follow", position: 0)
    }
    let bytes = try file.bytes(at: 8, count: count)
    return try SafetensorsHeader(bytes, dataByteCount: available - count)
  }

  /// The tensor of a name.
  public subscript(name: String) -> TensorInfo? { indices[name].map { tensors[$0] } }

  /// Writes `elements` of a tensor, counted in C order, into `values` from `start` on.
  ///
  /// - Precondition: `elements` lies inside the tensor, and as many values follow `start`.
  /// - Throws: where the tensor is not one of F64, F32, F16 and BF16, or cannot be read.
  public func read(
    _ tensor: TensorInfo, elements: Range<Int>, into values: inout [Float], at start: Int = 0
  ) throws(CheckpointError) {
    if tensor.type == .f32 {
      try copy(tensor, elements, into: &values, start)
    } else {
      try convert(tensor, elements, into: &values, start)
    }
  }

  /// Writes `elements` of a tensor, counted in C order, into `values` from `start` on.
  ///
  /// - Precondition: `elements` lies inside the tensor, and as many values follow `start`.
  /// - Throws: where the tensor is not one of F64, F32, F16 and BF16, or cannot be read.
  public func read(
    _ tensor: TensorInfo, elements: Range<Int>, into values: inout [Double], at start: Int = 0
  ) throws(CheckpointError) {
    if tensor.type == .f64 {
      try copy(tensor, elements, into: &values, start)
    } else {
      try convert(tensor, elements, into: &values, start)
    }
  }

  /// All elements of a tensor, in C order.
  /// - Throws: as ``read(_:elements:into:at:)``.
  public func floats(of tensor: TensorInfo) throws(CheckpointError) -> [Float] {
    var values = [Float](repeating: 0, count: tensor.elementCount)
    try read(tensor, elements: 0..<values.count, into: &values)
    return values
  }

  /// All elements of a tensor, in C order.
  /// - Throws: as ``read(_:elements:into:at:)``.
  public func doubles(of tensor: TensorInfo) throws(CheckpointError) -> [Double] {
    var values = [Double](repeating: 0, count: tensor.elementCount)
    try read(tensor, elements: 0..<values.count, into: &values)
    return values
  }

  /// Reads elements that are stored as they are wanted, straight into their place.
  private func copy<Value: Numeric & BitwiseCopyable>(
    _ tensor: TensorInfo, _ elements: Range<Int>, into values: inout [Value], _ start: Int
  ) throws(CheckpointError) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= tensor.elementCount)
    do {
      let offset = tensor.byteRange.lowerBound + elements.lowerBound * MemoryLayout<Value>.stride
      try file.read(into: &values, range: start..<(start + elements.count), at: offset)
    } catch {
      throw CheckpointError(error)
    }
  }

  @specialized(where Value == Float)
  @specialized(where Value == Double)
  private func convert<Value: BinaryFloatingPoint & BitwiseCopyable>(
    _ tensor: TensorInfo, _ elements: Range<Int>, into values: inout [Value], _ start: Int
  ) throws(CheckpointError) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= tensor.elementCount)
    precondition(start >= 0 && elements.count <= values.count - start)
    switch tensor.type {
    case .f64: try convert(tensor, elements, &values, start) { (stored: Double) in Value(stored) }
    case .f32: try convert(tensor, elements, &values, start) { (stored: Float) in Value(stored) }
    case .f16: try convert(tensor, elements, &values, start) { Value(Float16(bitPattern: $0)) }
    case .bf16:
      try convert(tensor, elements, &values, start) { (stored: UInt16) in
        Value(Float(bitPattern: UInt32(stored) << 16))
      }
    default:
      throw CheckpointError(
        path: path, problem: "tensor \"\(tensor.name)\" has type \(tensor.type.rawValue)",
        advice: "F64, F32, F16 and BF16 can be read")
    }
  }

  /// Reads windows of at most 256 Ki elements, so that memory does not grow with the tensor.
  @inline(__always)
  private func convert<Value: BinaryFloatingPoint & BitwiseCopyable, Stored: Numeric & BitwiseCopyable>(
    _ tensor: TensorInfo, _ elements: Range<Int>, _ values: inout [Value], _ start: Int,
    _ value: (Stored) -> Value
  ) throws(CheckpointError) {
    var window = [Stored](repeating: 0, count: min(elements.count, 1 << 18))
    var done = 0
    while done < elements.count {
      let count = min(window.count, elements.count - done)
      let first = elements.lowerBound + done
      try copy(tensor, first..<(first + count), into: &window, 0)
      for index in 0..<count { values[start + done + index] = value(window[index]) }
      done += count
    }
  }
}
