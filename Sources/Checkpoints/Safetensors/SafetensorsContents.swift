import FileAccess

extension CheckpointContents {
  /// The tensors of one safetensors file.
  static func safetensors(_ file: RandomAccessFile) throws(CheckpointError) -> CheckpointContents {
    do {
      let header = try header(of: file)
      return CheckpointContents(
        format: .safetensors, tensors: header.tensors, metadata: header.metadata, files: [file])
    } catch let error as HeaderError {
      throw CheckpointError(
        path: file.path,
        problem: "not a valid safetensors file: \(error.problem) (byte \(error.position) of the header)",
        advice: "It may be cut off, damaged or of another format")
    } catch let error as FileAccessError {
      throw CheckpointError(error)
    } catch {
      throw CheckpointError(path: file.path, problem: "\(error)")
    }
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
}
