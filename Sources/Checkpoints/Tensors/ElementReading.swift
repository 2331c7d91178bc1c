import FileAccess

extension Checkpoint {
  /// Writes `elements` of a tensor, counted in C order, into `values` from `start` on.
  ///
  /// - Precondition: `tensor` is of this checkpoint, `elements` lies inside it, and as many values follow `start`.
  /// - Throws: where the tensor's type is not ``TensorType/isReadable``, cannot be read, or is damaged by its checksum.
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
  /// - Throws: where the tensor's type is not ``TensorType/isReadable``, cannot be read, or is damaged by its checksum.
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
        advice: "F64, F32, F16, BF16 and F8 (E4M3, E5M2, E8M0) can be read")
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
    case .f8E4M3, .f8E5M2, .f8E8M0:
      let table =
        tensor.type == .f8E4M3 ? Float8.e4m3 : tensor.type == .f8E5M2 ? Float8.e5m2 : Float8.e8m0
      try convert(tensor, elements, &values, start) { (stored: UInt8) in Value(table[Int(stored)]) }
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
    if let origin = tensor.origin {
      let first = tensor.byteRange.lowerBound / stride
      return try make(
        (first + stored.lowerBound)..<(first + stored.upperBound), of: origin, into: &values, start)
    }
    do {
      let offset = tensor.byteRange.lowerBound + stored.lowerBound * stride
      try sources[tensor.file].read(into: &values, range: start..<(start + stored.count), at: offset)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// Makes elements of what they come from, counted in C order.
  private func make<Stored: Numeric & BitwiseCopyable>(
    _ elements: Range<Int>, of origin: TensorOrigin, into values: inout [Stored], _ start: Int
  ) throws(CheckpointError) {
    switch origin {
    case .parts(let whole):
      for part in whole.parts {
        let own =
          whole.count(
            of: part, before: elements.lowerBound)..<whole.count(of: part, before: elements.upperBound)
        guard !own.isEmpty else { continue }
        try checkBytes(of: part.tensor)
        var window = [Stored](repeating: 0, count: own.count)
        try convert(part.tensor, own, &window, 0) { (stored: Stored) in stored }
        whole.forEachRun(of: part, own) { first, place, count in
          for index in 0..<count {
            values[start + place - elements.lowerBound + index] = window[first - own.lowerBound + index]
          }
        }
      }
    case .scaled(let scaled): try store(numbers(elements, of: scaled), into: &values, start)
    case .mxfp4(let packed): try store(numbers(elements, of: packed), into: &values, start)
    }
  }

  /// Numbers that were made as `Float`, which is the type that their tensors have.
  private func store<Stored: BitwiseCopyable>(
    _ numbers: [Float], into values: inout [Stored], _ start: Int
  ) throws(CheckpointError) {
    guard let numbers = numbers as? [Stored] else {
      preconditionFailure("a made tensor read as another type than F32")
    }
    for index in numbers.indices { values[start + index] = numbers[index] }
  }

  private func numbers(_ elements: Range<Int>, of scaled: ScaledBlocks) throws(CheckpointError) -> [Float] {
    var numbers = [Float](repeating: 0, count: elements.count)
    try convert(scaled.numbers, elements, into: &numbers, 0)
    let scales = try floats(of: scaled.scales)
    var done = 0
    while done < elements.count {
      let element = elements.lowerBound + done
      let count = min(scaled.run(from: element), elements.count - done)
      let scale = scales[scaled.scale(of: element)]
      for index in done..<(done + count) { numbers[index] *= scale }
      done += count
    }
    return numbers
  }

  private func numbers(_ elements: Range<Int>, of packed: MXFP4Blocks) throws(CheckpointError) -> [Float] {
    guard !elements.isEmpty else { return [] }
    let bytes = (elements.lowerBound / 2)..<((elements.upperBound + 1) / 2)
    let groups =
      (elements.lowerBound / MXFP4Blocks.groupSize)..<((elements.upperBound - 1) / MXFP4Blocks.groupSize + 1)
    var blocks = [UInt8](repeating: 0, count: bytes.count)
    var scales = [UInt8](repeating: 0, count: groups.count)
    for stored in [packed.blocks, packed.scales] { try checkBytes(of: stored) }
    try convert(packed.blocks, bytes, &blocks, 0) { (stored: UInt8) in stored }
    try convert(packed.scales, groups, &scales, 0) { (stored: UInt8) in stored }
    let powers = scales.map(MXFP4Blocks.scale)
    return elements.map { element in
      let byte = blocks[element / 2 - bytes.lowerBound]
      let number = MXFP4Blocks.values[Int(element.isMultiple(of: 2) ? byte & 15 : byte >> 4)]
      return number * powers[element / MXFP4Blocks.groupSize - groups.lowerBound]
    }
  }
}
