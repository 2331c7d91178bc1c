import FileAccess
import Glibc

/// Bytes in large pieces to standard output, or to a file that appears whole or not at all.
public final class ExportStream {
  private let path: String?
  private let isReplacing: Bool
  private var file: AtomicFileWriter?
  /// What waits to be written.
  var pending: [UInt8] = []

  /// Opens the stream.
  ///
  /// - Parameters:
  ///   - path: nil for standard output.
  ///   - replacing: whether a file that is there is replaced.
  /// - Throws: where the file exists and is not to be replaced, or cannot be made.
  public init(path: String?, replacing: Bool) throws {
    self.path = path
    isReplacing = replacing
    guard let path else { return }
    try Self.refuseExisting(path, replacing: replacing)
    file = try AtomicFileWriter(path: path)
  }

  /// Refuses a name that is taken.
  /// - Throws: ``ExportError``.
  public static func refuseExisting(_ path: String, replacing: Bool) throws {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw ExportError.notAFile(path, isFolder: status.st_mode & S_IFMT == S_IFDIR)
    }
    guard replacing else { throw ExportError.exists(path) }
  }

  /// Writes what waits if it is much.
  func flushIfLarge() throws {
    if pending.count >= 1 << 20 { try flush() }
  }

  /// Writes what waits; of a file, puts it in its place.
  /// - Throws: where it cannot be written; ``ExportError/readerIsGone`` where standard output is a pipe that nobody reads.
  public func close() throws {
    try flush()
    try file.take()?.commit(replacing: isReplacing)
  }

  private func flush() throws {
    defer { pending.removeAll(keepingCapacity: true) }
    guard path == nil else { return try file?.append(pending) ?? () }
    var rest = pending[...]
    while !rest.isEmpty {
      let written = unsafe rest.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      // `| head` has what it wants.
      if written < 0, errno == EPIPE { throw ExportError.readerIsGone }
      guard written > 0 else {
        throw ExportError.output(unsafe String(cString: strerror(errno)))
      }
      rest = rest.dropFirst(written)
    }
  }
}
