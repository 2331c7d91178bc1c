import FileAccess

/// The weights of a model in a file, or a set of files, of any format: tensors by name, read a part at a time.
///
/// Where the tensors lie is read and checked whole on opening; elements are read when asked for, by bounded reads. No
/// file is ever mapped, no name in it taken for a path, and nothing in it is ever executed.
public struct Checkpoint: Sendable {
  /// The file or folder as the caller named it.
  public let path: String
  /// How the tensors are stored.
  public let format: CheckpointFormat
  /// All tensors, in the order of their bytes.
  public let tensors: [TensorInfo]
  /// What the file says beside its tensors, e.g. the hyper-parameters under their own names.
  public let metadata: [String: String]
  /// What a reader of its numbers should know of how they are stored, as sentences without full stops.
  public let notes: [String]

  let sources: [RandomAccessFile]
  private let indices: [String: Int]
  private let checksums: StorageChecksums

  /// Opens a checkpoint. The format is found by the content, not by the name's ending.
  /// - Throws: where a file cannot be read, is of no known format, or is not whole and valid.
  public init(path: String) throws(CheckpointError) {
    self.init(path: path, try CheckpointContents(path: path).dequantized(path: path))
  }

  /// A checkpoint in memory, e.g. the scales that a run file holds.
  ///
  /// - Precondition: names differ, and every tensor has as many values as its shape.
  public init(
    path: String, format: CheckpointFormat, metadata: [String: String] = [:],
    values: [(name: String, shape: [Int], values: [Float])]
  ) {
    let tensors = values.map { tensor in
      precondition(tensor.shape.reduce(1, *) == tensor.values.count, "\(tensor.name): wrong number of values")
      return TensorInfo(
        name: tensor.name, type: .f32, shape: tensor.shape, byteRange: 0..<(4 * tensor.values.count),
        values: tensor.values)
    }
    self.init(path: path, CheckpointContents(format: format, tensors: tensors, metadata: metadata, files: []))
  }

  private init(path: String, _ contents: CheckpointContents) {
    self.path = path
    format = contents.format
    tensors = contents.tensors
    metadata = contents.metadata
    notes = contents.notes
    sources = contents.files
    indices = Dictionary(uniqueKeysWithValues: contents.tensors.enumerated().map { ($1.name, $0) })
    checksums = StorageChecksums(contents.checksums)
  }

  /// The tensor of a name.
  public subscript(name: String) -> TensorInfo? { indices[name].map { tensors[$0] } }

  /// Paths of the files that hold the tensors; empty for a checkpoint in memory.
  public var files: [String] { sources.map(\.path) }

  /// Groups of tensors that are the same elements in the file, e.g. an embedding and the output projection tied to it.
  public var tiedTensors: [[TensorInfo]] {
    struct Place: Hashable {
      let (file, start, end): (Int, Int, Int)
      let shape: [Int]
      let strides: [Int]?
    }
    let stored = tensors.filter { $0.values == nil && $0.origin == nil && $0.elementCount > 0 }
    let groups = Dictionary(grouping: stored) {
      Place(
        file: $0.file, start: $0.byteRange.lowerBound, end: $0.byteRange.upperBound, shape: $0.shape,
        strides: $0.strides)
    }
    return groups.values.filter { $0.count > 1 }.map { $0.sorted { $0.name < $1.name } }.sorted {
      $0[0].name < $1[0].name
    }
  }

  /// Checks the checksum that covers a tensor, where there is one, the first time that the tensor is read.
  func checkBytes(of tensor: TensorInfo) throws(CheckpointError) {
    guard let checksum = tensor.checksum else { return }
    try checksums.check(checksum, in: sources[tensor.file], tensor: tensor.name)
  }
}

/// What a format's reader finds: where tensors lie, and nothing about how elements are read.
struct CheckpointContents {
  var format: CheckpointFormat
  var tensors: [TensorInfo]
  var metadata: [String: String] = [:]
  /// In the order of ``TensorInfo/file``.
  var files: [RandomAccessFile]
  var checksums: [StorageChecksum] = []
  var notes: [String] = []
}
