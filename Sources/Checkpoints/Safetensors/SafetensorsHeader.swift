/// The header of a safetensors file, checked so that every tensor's bytes are known to lie inside the file.
///
/// Stricter than the reference reader where it accepts what nobody means: a tensor name that occurs twice, a field that
/// the format does not have, an empty name. Space before and after the header's object is accepted, as there.
struct SafetensorsHeader: Equatable {
  /// In the order of their bytes.
  private(set) var tensors: [TensorInfo] = []
  private(set) var metadata: [String: String] = [:]

  /// The format's own limit, decimal.
  static let maximumByteCount = 100_000_000
  static let maximumTensorCount = 1_000_000
  static let maximumMetadataCount = 100_000
  static let maximumRank = 64

  /// Reads a header.
  ///
  /// - Parameters:
  ///   - bytes: the JSON, without the eight bytes of its length.
  ///   - dataByteCount: bytes that follow the header in the file.
  init(_ bytes: [UInt8], dataByteCount: Int) throws(HeaderError) {
    var scanner = HeaderScanner(bytes)
    var entries: [Entry] = []
    var names: Set<String> = []
    var metadata: [String: String]?
    try scanner.object { (scanner, name) throws(HeaderError) in
      if name == "__metadata__" {
        guard metadata == nil else { throw scanner.error("__metadata__ occurs twice") }
        metadata = try Self.metadata(&scanner)
        return
      }
      guard !name.isEmpty else { throw scanner.error("a tensor without a name") }
      guard names.insert(name).inserted else { throw scanner.error("tensor \"\(name)\" occurs twice") }
      guard names.count <= Self.maximumTensorCount else {
        throw scanner.error("more than \(Self.maximumTensorCount) tensors")
      }
      entries.append(try Entry(named: name, &scanner))
    }
    try scanner.expectEnd()
    self.metadata = metadata ?? [:]
    let firstByte = 8 + bytes.count
    tensors = try Self.placed(entries, dataByteCount: dataByteCount).map { entry in
      TensorInfo(
        name: entry.name, type: entry.type, shape: entry.shape,
        byteRange: (firstByte + entry.start)..<(firstByte + entry.end))
    }
  }

  private static func metadata(_ scanner: inout HeaderScanner) throws(HeaderError) -> [String: String] {
    var metadata: [String: String] = [:]
    try scanner.object { (scanner, key) throws(HeaderError) in
      // Whole configurations are kept in metadata, so only the header's own length limits a value.
      guard metadata.updateValue(try scanner.string(atMost: maximumByteCount), forKey: key) == nil else {
        throw scanner.error("metadata \"\(key)\" occurs twice")
      }
      guard metadata.count <= maximumMetadataCount else {
        throw scanner.error("more than \(maximumMetadataCount) entries of metadata")
      }
    }
    return metadata
  }

  /// Checks that the tensors' bytes follow one another without hole or overlap, from the first byte to the last.
  private static func placed(_ entries: [Entry], dataByteCount: Int) throws(HeaderError) -> [Entry] {
    let sorted = entries.sorted { ($0.start, $0.end) < ($1.start, $1.end) }
    var end = 0
    for entry in sorted {
      guard entry.start == end else {
        let what = entry.start < end ? "overlaps the tensor before it" : "leaves a hole before it"
        throw entry.error("\(what): its data start at \(entry.start), the ones before end at \(end)")
      }
      end = entry.end
    }
    guard end == dataByteCount else {
      let position = entries.last?.position ?? 0
      throw HeaderError(
        problem: "the tensors take \(end) bytes, but \(dataByteCount) bytes of data are there",
        position: position)
    }
    return sorted
  }
}

/// One tensor as the header states it.
private struct Entry {
  let name: String
  let type: TensorType
  let shape: [Int]
  let start: Int
  let end: Int
  /// Where in the header it was stated.
  let position: Int

  init(named name: String, _ scanner: inout HeaderScanner) throws(HeaderError) {
    var type: TensorType?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { (scanner, field) throws(HeaderError) in
      switch field {
      case "dtype" where type == nil:
        let text = try scanner.string()
        type = TensorType(rawValue: text)
        guard type != nil else { throw scanner.error("tensor \"\(name)\": unknown dtype \"\(text)\"") }
      case "shape" where shape == nil:
        shape = try scanner.wholeNumbers(atMost: SafetensorsHeader.maximumRank)
      case "data_offsets" where offsets == nil:
        offsets = try scanner.wholeNumbers(atMost: 2)
      case "dtype", "shape", "data_offsets":
        throw scanner.error("tensor \"\(name)\": \(field) occurs twice")
      default:
        throw scanner.error("tensor \"\(name)\": unknown field \"\(field)\"")
      }
    }
    guard let type, let shape, let offsets else {
      throw scanner.error("tensor \"\(name)\": dtype, shape or data_offsets is missing")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw scanner.error("tensor \"\(name)\": data_offsets are not a start and an end")
    }
    self.name = name
    self.type = type
    self.shape = shape
    start = offsets[0]
    end = offsets[1]
    position = scanner.position
    try checkSize()
  }

  func error(_ problem: String) -> HeaderError {
    HeaderError(problem: "tensor \"\(name)\": \(problem)", position: position)
  }

  /// Checks that shape and type take exactly the stated bytes.
  private func checkSize() throws(HeaderError) {
    var bits = type.bitCount
    for size in shape {
      // Checked with zeros left out, so that a size of 0 does not excuse the others.
      let (product, overflow) = bits.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow else { throw error("a shape with more elements than any file holds") }
      bits = product
    }
    if shape.contains(0) { bits = 0 }
    guard bits.isMultiple(of: 8) else { throw error("a shape that does not fill whole bytes") }
    guard end - start == bits / 8 else {
      throw error("shape \(shape) of \(type.rawValue) takes \(bits / 8) bytes, data_offsets \(end - start)")
    }
  }
}
