import Glibc

/// A regular file, open for bounded reads at any offset from any thread.
///
/// Reads copy; the file is never mapped, because a mapped file that another process truncates kills this one. A file
/// that was changed after it was opened is refused at the next read rather than read half old, half new.
public final class RandomAccessFile: Sendable {
  /// The file as the caller named it.
  public let path: String
  private let descriptor: CInt
  private let opened: FileStatus

  /// Opens a file.
  /// - Throws: where it is missing, not a regular file, or not readable.
  public init(path: String) throws(FileAccessError) {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let error = Errno.current
      if error.reason == .missing {
        throw FileAccessError(path: path, reason: .missing, problem: "no such file")
      }
      throw error.error(path, "cannot be opened")
    }
    do {
      self.opened = try Self.regularFileStatus(of: descriptor, path: path)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  private static func regularFileStatus(
    of descriptor: CInt, path: String
  ) throws(FileAccessError) -> FileStatus {
    switch status(of: descriptor) {
    case .failure(let errno):
      throw errno.error(path, "cannot be examined")
    case .success(let found) where found.isRegular:
      return found
    case .success(let found):
      let kind = found.isFolder ? "a folder" : "a device, pipe or socket"
      throw FileAccessError(path: path, reason: .notARegularFile, problem: "is \(kind), not a file")
    }
  }

  /// Size when the file was opened.
  public var byteCount: Int { opened.byteCount }

  /// Fills `elements[range]` with little-endian numbers, from byte `offset` of the file on.
  ///
  /// - Precondition: `range` lies inside `elements`.
  /// - Throws: where the bytes do not lie inside the file, where reading fails, and where the file is no longer the one
  ///   that was opened (by size and modification time).
  public func read<Element: Numeric & BitwiseCopyable>(
    into elements: inout [Element], range: Range<Int>, at offset: Int
  ) throws(FileAccessError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= elements.count)
    let count = range.count * MemoryLayout<Element>.stride
    guard offset >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw FileAccessError(
        path: path, reason: .beyondEnd,
        problem: "\(count) bytes at \(offset) lie beyond the end, which is at \(byteCount)")
    }
    let done: Int
    switch readFully(descriptor, into: &elements, range: range, at: offset) {
    case .success(let value): done = value
    case .failure(let errno): throw errno.error(path, "cannot be read at byte \(offset)")
    }
    try checkUnchanged()
    guard done == count else {
      throw FileAccessError(
        path: path, reason: .changed, problem: "ended at byte \(offset + done) while it was being read")
    }
  }

  /// The first bytes, at most `count`, as they are now. They say of what kind a file is even while another program
  /// appends to it.
  /// - Throws: where reading fails.
  public func beginning(_ count: Int) throws(FileAccessError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    switch readFully(descriptor, into: &bytes, range: 0..<count, at: 0) {
    case .success(let done): return Array(bytes.prefix(done))
    case .failure(let errno): throw errno.error(path, "cannot be read")
    }
  }

  /// The bytes of a range.
  /// - Throws: as ``read(into:range:at:)``.
  public func bytes(at offset: Int, count: Int) throws(FileAccessError) -> [UInt8] {
    guard count <= byteCount else {
      throw FileAccessError(
        path: path, reason: .beyondEnd, problem: "\(count) bytes are more than the file's \(byteCount)")
    }
    var bytes = [UInt8](repeating: 0, count: count)
    try read(into: &bytes, range: 0..<count, at: offset)
    return bytes
  }

  /// - Throws: where size or modification time differ from when the file was opened.
  public func checkUnchanged() throws(FileAccessError) {
    guard case .success(let now) = status(of: descriptor), now == opened else {
      throw FileAccessError(
        path: path, reason: .changed,
        problem: "was changed by another program while it was in use (opened with \(byteCount) bytes)")
    }
  }
}
