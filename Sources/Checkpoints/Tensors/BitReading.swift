extension Checkpoint {
  /// Writes the bits of `elements` of a tensor, counted in C order, into `values` from its start on: for elements that are
  /// only compared, such as integers of 64 bits, which no float holds.
  ///
  /// - Precondition: `elements` lies inside the tensor, and `values` has room for them.
  /// - Throws: where elements are packed to less than a byte, cannot be read, or are damaged by their checksum.
  public func readBits(
    _ tensor: TensorInfo, elements: Range<Int>, into values: inout [UInt64]
  ) throws(CheckpointError) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= tensor.elementCount)
    precondition(elements.count <= values.count)
    try checkBytes(of: tensor)
    switch tensor.type.bitCount {
    case 8: try convert(tensor, elements, &values, 0) { (stored: UInt8) in UInt64(stored) }
    case 16: try convert(tensor, elements, &values, 0) { (stored: UInt16) in UInt64(stored) }
    case 32: try convert(tensor, elements, &values, 0) { (stored: UInt32) in UInt64(stored) }
    case 64: try convert(tensor, elements, &values, 0) { (stored: UInt64) in stored }
    default:
      throw CheckpointError(
        path: path, problem: "tensor \"\(tensor.name)\" has type \(tensor.type.rawValue), packed in bytes",
        advice: "Its elements cannot be read one by one")
    }
  }
}
