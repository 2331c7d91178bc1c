import FileAccess

extension Checkpoint {
  /// Writes `elements` of a tensor, counted in C order, into `values` from `start` on.
  ///
  /// - Precondition: `tensor` is of this checkpoint, `elements` lies inside it, and as many values follow `start`.
  /// - Throws: where the tensor is not one of F64, F32, F16 and BF16, cannot be read, or is damaged by its checksum.
  public func read(
    _ tensor: TensorInfo, elements: Range<Int>, into values: inout [Float], at start: Int = 0
  ) throws(CheckpointError) {
    if tensor.type == .f32, tensor.strides == nil {
      try checkBytes(of: tensor)
      try copy(tensor, elements, into: &values, start)
    } else {
      try convert(tensor, elements, into: &values, start)
    }
  }

  /// Writes `elements` of a tensor, counted in C order, into `values` from `start` on.
  ///
  /// - Precondition: as ``read(_:elements:into:at:)-(_,_,[Float],_)``.
  /// - Throws: where the tensor is not one of F64, F32, F16 and BF16, cannot be read, or is damaged by its checksum.
  public func read(
    _ tensor: TensorInfo, elements: Range<Int>, into values: inout [Double], at start: Int = 0
  ) throws(CheckpointError) {
    if tensor.type == .f64, tensor.strides == nil {
      try checkBytes(of: tensor)
      try copy(tensor, elements, into: &values, start)
    } else {
      try convert(tensor, elements, into: &values, start)
    }
  }

  /// All elements of a tensor, in C order.
  /// - Throws: as `read`.
  public func floats(of tensor: TensorInfo) throws(CheckpointError) -> [Float] {
    try checkReadable(tensor)
    var values = [Float](repeating: 0, count: tensor.elementCount)
    try read(tensor, elements: 0..<values.count, into: &values)
    return values
  }

  /// All elements of a tensor, in C order.
  /// - Throws: as `read`.
  public func doubles(of tensor: TensorInfo) throws(CheckpointError) -> [Double] {
    try checkReadable(tensor)
    var values = [Double](repeating: 0, count: tensor.elementCount)
    try read(tensor, elements: 0..<values.count, into: &values)
    return values
  }

  private func checkReadable(_ tensor: TensorInfo) throws(CheckpointError) {
    guard tensor.type.isReadable else {
      throw CheckpointError(
        path: path, problem: "tensor \"\(tensor.name)\" has type \(tensor.type.rawValue)",
        advice: "F64, F32, F16 and BF16 can be read")
    }
  }

  @specialized(where Value == Float)
  @specialized(where Value == Double)
  private func convert<Value: BinaryFloatingPoint & BitwiseCopyable>(
    _ tensor: TensorInfo, _ elements: Range<Int>, into values: inout [Value], _ start: Int
  ) throws(CheckpointError) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= tensor.elementCount)
    precondition(start >= 0 && elements.count <= values.count - start)
    try checkReadable(tensor)
    try checkBytes(of: tensor)
    switch tensor.type {
    case .f64: try convert(tensor, elements, &values, start) { (stored: Double) in Value(stored) }
    case .f32: try convert(tensor, elements, &values, start) { (stored: Float) in Value(stored) }
    case .f16: try convert(tensor, elements, &values, start) { Value(Float16(bitPattern: $0)) }
    default:
      try convert(tensor, elements, &values, start) { (stored: UInt16) in
        Value(Float(bitPattern: UInt32(stored) << 16))
      }
    }
  }

  @inline(__always)
  func convert<Value: BitwiseCopyable, Stored: Numeric & BitwiseCopyable>(
    _ tensor: TensorInfo, _ elements: Range<Int>, _ values: inout [Value], _ start: Int,
    _ value: (Stored) -> Value
  ) throws(CheckpointError) {
    if tensor.strides == nil {
      try convertWindows(tensor, elements, &values, start, value)
    } else {
      try convertStrided(tensor, elements, &values, start, value)
    }
  }

  /// Reads windows of at most 256 Ki elements, so that memory does not grow with the tensor.
  @inline(__always)
  private func convertWindows<Value: BitwiseCopyable, Stored: Numeric & BitwiseCopyable>(
    _ tensor: TensorInfo, _ elements: Range<Int>, _ values: inout [Value], _ start: Int,
    _ value: (Stored) -> Value
  ) throws(CheckpointError) {
    var window = [Stored](repeating: 0, count: min(elements.count, StridedLayout.spanLimit))
    var done = 0
    while done < elements.count {
      let count = min(window.count, elements.count - done)
      let first = elements.lowerBound + done
      try copy(tensor, first..<(first + count), into: &window, 0)
      for index in 0..<count { values[start + done + index] = value(window[index]) }
      done += count
    }
  }

  @inline(__always)
  private func convertStrided<Value: BitwiseCopyable, Stored: Numeric & BitwiseCopyable>(
    _ tensor: TensorInfo, _ elements: Range<Int>, _ values: inout [Value], _ start: Int,
    _ value: (Stored) -> Value
  ) throws(CheckpointError) {
    let layout = StridedLayout(tensor)
    var window = [Stored](repeating: 0, count: StridedLayout.spanLimit)
    for box in layout.boxes(of: elements) {
      try layout.forEachReadable(box) { (part) throws(CheckpointError) in
        let span = layout.span(part)
        try copy(tensor, part.source..<(part.source + span), into: &window, 0)
        layout.forEachRow(part) { source, target, row in
          for index in 0..<row.count {
            values[start + target + index * row.targetStride] =
              value(window[source - part.source + index * row.sourceStride])
          }
        }
      }
    }
  }

  /// Reads elements as they are stored, counted from the tensor's first one.
  private func copy<Stored: Numeric & BitwiseCopyable>(
    _ tensor: TensorInfo, _ stored: Range<Int>, into values: inout [Stored], _ start: Int
  ) throws(CheckpointError) {
    let stride = MemoryLayout<Stored>.stride
    precondition(stored.lowerBound >= 0 && stored.upperBound <= tensor.byteRange.count / stride)
    if let memory = tensor.values as? [Stored] {
      let first = tensor.byteRange.lowerBound / stride + stored.lowerBound
      for index in 0..<stored.count { values[start + index] = memory[first + index] }
      return
    }
    do {
      let offset = tensor.byteRange.lowerBound + stored.lowerBound * stride
      try sources[tensor.file].read(into: &values, range: start..<(start + stored.count), at: offset)
    } catch {
      throw CheckpointError(error)
    }
  }
}
