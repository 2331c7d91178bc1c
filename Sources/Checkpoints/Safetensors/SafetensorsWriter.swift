import FileAccess

/// A tensor to write: its elements are asked for when its turn comes, so that one at a time is in memory.
public struct OutputTensor {
  /// The name.
  public let name: String
  /// Sizes, slowest first.
  public let shape: [Int]
  let elements: Elements

  enum Elements {
    case float(() -> [Float])
    case double(() -> [Double])
  }

  /// A tensor of type F32.
  public init(_ name: String, shape: [Int], float elements: @escaping () -> [Float]) {
    self.init(name: name, shape: shape, elements: .float(elements))
  }

  /// A tensor of type F64.
  public init(_ name: String, shape: [Int], double elements: @escaping () -> [Double]) {
    self.init(name: name, shape: shape, elements: .double(elements))
  }

  private init(name: String, shape: [Int], elements: Elements) {
    self.name = name
    self.shape = shape
    self.elements = elements
  }

  var type: TensorType {
    switch elements {
    case .float: .f32
    case .double: .f64
    }
  }

  var elementCount: Int { shape.reduce(1, *) }
  var byteCount: Int { elementCount * type.bitCount / 8 }
}

/// Writes safetensors files that appear whole or not at all.
public struct SafetensorsWriter {
  /// Writes one file: to a temporary file beside it, flushed and then renamed.
  ///
  /// Wider types come first and names are sorted within a type, as the reference library orders them, so that every
  /// element is aligned.
  ///
  /// - Parameter replacing: whether a file that has the name already is replaced.
  /// - Precondition: names differ, are not empty and not `__metadata__`, and every tensor gives as many elements as its
  ///   shape has.
  /// - Throws: where the file cannot be written whole; an earlier file of the name is then as it was.
  public static func write(
    _ tensors: [OutputTensor], metadata: [String: String] = [:], to path: String, replacing: Bool = false
  ) throws(CheckpointError) {
    let sorted = tensors.sorted {
      ($1.type.bitCount, $0.name) < ($0.type.bitCount, $1.name)
    }
    do throws(FileAccessError) {
      var writer = try AtomicFileWriter(path: path)
      let header = header(of: sorted, metadata)
      try writer.append([UInt64(header.count)])
      try writer.append(header)
      for tensor in sorted { try append(tensor, to: &writer) }
      try writer.commit(replacing: replacing)
    } catch {
      throw CheckpointError(error)
    }
  }

  private static func append(
    _ tensor: OutputTensor, to writer: inout AtomicFileWriter
  ) throws(FileAccessError) {
    func check(_ count: Int) {
      precondition(
        count == tensor.elementCount, "\(tensor.name): \(count) elements for the shape \(tensor.shape)")
    }
    switch tensor.elements {
    case .float(let elements):
      let values = elements()
      check(values.count)
      try writer.append(values)
    case .double(let elements):
      let values = elements()
      check(values.count)
      try writer.append(values)
    }
  }

  /// The header's bytes, padded with spaces so that the data start at a multiple of eight.
  private static func header(of tensors: [OutputTensor], _ metadata: [String: String]) -> [UInt8] {
    let names = Set(tensors.map(\.name))
    precondition(names.count == tensors.count, "tensor names must differ")
    precondition(!names.contains("") && !names.contains("__metadata__"), "not a tensor name")
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var end = 0
    for tensor in tensors {
      let start = end
      end += tensor.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(start),\(end)]}")
    }
    let json = Array("{\(members.joined(separator: ","))}".utf8)
    return json + Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
