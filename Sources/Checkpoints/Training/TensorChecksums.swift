import Checksums

/// Checksums that a safetensors file of ours carries in its metadata: one of every tensor's bytes, `crc32c.<name>`, and
/// one of everything else in the header, `crc32c`. All are CRC-32C in eight hexadecimal digits.
enum TensorChecksums {
  static let headerKey = "crc32c"
  static let tensorPrefix = "crc32c."

  /// The metadata with the checksums added.
  static func metadata(
    _ metadata: [String: String], of tensors: [OutputTensor], bytes: [String: UInt32]
  ) -> [String: String] {
    var metadata = metadata
    for (name, value) in bytes { metadata[tensorPrefix + name] = text(value) }
    metadata[headerKey] = text(
      header(metadata, tensors.map { (name: $0.name, type: $0.type, shape: $0.shape) }))
    return metadata
  }

  /// The checksum of metadata, names, types and shapes, whatever their order.
  static func header(
    _ metadata: [String: String], _ tensors: [(name: String, type: TensorType, shape: [Int])]
  ) -> UInt32 {
    var crc = CRC32C()
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where key != headerKey {
      crc.update(key)
      crc.update(value)
    }
    for tensor in tensors.sorted(by: { $0.name < $1.name }) {
      crc.update(tensor.name)
      crc.update(tensor.type.rawValue)
      crc.update(tensor.shape.map { Int64($0) })
    }
    return crc.value
  }

  static func text(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

extension Checkpoint {
  /// Whether the file carries checksums of its tensors.
  public var hasChecksums: Bool {
    metadata[TensorChecksums.headerKey] != nil
      || tensors.contains { $0.storedTensors.contains { $0.checksum != nil } }
  }

  /// Compares the header with its checksum.
  /// - Throws: where it differs.
  public func checkHeader() throws(CheckpointError) {
    guard let stated = metadata[TensorChecksums.headerKey] else { return }
    let found = TensorChecksums.header(metadata, tensors.map { ($0.name, $0.type, $0.shape) })
    guard stated == TensorChecksums.text(found) else {
      throw CheckpointError(
        path: path, problem: "is damaged: its header does not have the checksum that it states")
    }
  }

  /// All elements of a tensor, compared with its checksum where the file states one.
  /// - Throws: as ``floats(of:)``, and where the checksum differs.
  public func checkedFloats(of tensor: TensorInfo) throws(CheckpointError) -> [Float] {
    let values = try floats(of: tensor)
    guard tensor.type == .f32, let stated = metadata[TensorChecksums.tensorPrefix + tensor.name] else {
      return values
    }
    var crc = CRC32C()
    crc.update(values)
    guard stated == TensorChecksums.text(crc.value) else {
      throw CheckpointError(
        path: path,
        problem: "is damaged: \(tensor.name) does not have the checksum that the file states for it")
    }
    return values
  }

  /// Tensors whose bytes differ from their checksums, by name; tensors without one do not count.
  /// - Throws: where the file cannot be read.
  public func damagedTensors() throws(CheckpointError) -> [String] {
    var damaged: [String] = []
    for tensor in tensors {
      guard let stated = metadata[TensorChecksums.tensorPrefix + tensor.name] else {
        do {
          for stored in tensor.storedTensors { try checkBytes(of: stored) }
        } catch { damaged.append(tensor.name) }
        continue
      }
      if try stated != TensorChecksums.text(checksum(of: tensor)) { damaged.append(tensor.name) }
    }
    return damaged
  }

  /// The checksum of a tensor's bytes, a window at a time.
  private func checksum(of tensor: TensorInfo) throws(CheckpointError) -> UInt32 {
    let window = 1 << 18
    var crc = CRC32C()
    var singles = [Float](repeating: 0, count: tensor.type == .f64 ? 0 : window)
    var doubles = [Double](repeating: 0, count: tensor.type == .f64 ? window : 0)
    for start in stride(from: 0, to: tensor.elementCount, by: window) {
      let elements = start..<min(start + window, tensor.elementCount)
      if tensor.type == .f64 {
        try read(tensor, elements: elements, into: &doubles)
        crc.update(doubles, 0..<elements.count)
      } else {
        try read(tensor, elements: elements, into: &singles)
        crc.update(singles, 0..<elements.count)
      }
    }
    return crc.value
  }
}
