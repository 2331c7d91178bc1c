import FileAccess

/// What is wrong with a pickle, and at which byte of it.
struct PickleError: Error, Equatable {
  var problem: String
  var position: Int
}

/// The bytes of pickles, which say only by reading them where they end; the file is read on as they are asked for.
struct PickleInput {
  /// All bytes so far; texts of the pickles are ranges of it.
  private(set) var bytes: [UInt8] = []
  private(set) var position = 0
  private let file: RandomAccessFile
  private let byteRange: Range<Int>

  /// The most bytes of pickles; a state dict takes some 200 a tensor.
  static let maximumByteCount = 64 << 20
  private static let chunk = 1 << 16
  private let limit: Int

  /// - Parameters:
  ///   - byteRange: where the pickles lie in the file, at most.
  ///   - limit: the most bytes of pickles.
  init(_ file: RandomAccessFile, _ byteRange: Range<Int>, limit: Int = Self.maximumByteCount) {
    self.file = file
    self.byteRange = byteRange
    self.limit = limit
  }

  func error(_ problem: String) -> PickleError { PickleError(problem: problem, position: position) }

  /// Moves past `count` bytes and returns where they are, once they are known to be there.
  mutating func take(_ count: Int) throws -> Range<Int> {
    let start = position
    guard count <= byteRange.count - position else { throw error("ends inside a value") }
    guard count <= limit - position else { throw error("more than \(limit >> 20) MiB") }
    while bytes.count < start + count {
      let more = min(max(Self.chunk, start + count - bytes.count), byteRange.count - bytes.count)
      bytes += try file.bytes(at: byteRange.lowerBound + bytes.count, count: more)
    }
    position += count
    return start..<position
  }

  // Taking bytes may read more of them: `bytes` is looked at afterwards.

  mutating func byte() throws -> UInt8 {
    let range = try take(1)
    return bytes[range.lowerBound]
  }

  mutating func number(_ count: Int) throws -> UInt64 {
    let range = try take(count)
    return bytes.littleEndian(at: range.lowerBound, count: count)
  }

  /// A line without its end.
  mutating func line(atMost limit: Int) throws -> Range<Int> {
    let start = position
    while try byte() != 0x0A {
      guard position - start <= limit else { throw error("a name of more than \(limit) bytes") }
    }
    return start..<(position - 1)
  }
}
