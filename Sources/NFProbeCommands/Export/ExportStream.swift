import ArgumentParser
import FileAccess
import Glibc

/// Bytes in large pieces to standard output, or to a file that appears whole or not at all.
final class ExportStream {
  private let path: String?
  private let isReplacing: Bool
  private var file: AtomicFileWriter?
  /// What waits to be written.
  var pending: [UInt8] = []

  /// - Parameter path: nil for standard output.
  /// - Throws: where the file exists and is not to be replaced, or cannot be made.
  init(path: String?, replacing: Bool) throws {
    self.path = path
    isReplacing = replacing
    guard let path else { return }
    try Self.refuseExisting(path, replacing: replacing)
    file = try AtomicFileWriter(path: path)
  }

  /// Ends the command where a name is taken.
  static func refuseExisting(_ path: String, replacing: Bool) throws {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "no regular file"
      throw CommandError.failed("\(path) is \(kind); name a file")
    }
    guard replacing else { throw CommandError.failed("\(path) exists; give --overwrite to replace it") }
  }

  /// Writes what waits if it is much.
  func flushIfLarge() throws {
    if pending.count >= 1 << 20 { try flush() }
  }

  /// Writes what waits; of a file, puts it in its place.
  func close() throws {
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
      if written < 0, errno == EPIPE { throw ExitCode(0) }
      guard written > 0 else {
        throw CommandError.failed(
          "standard output cannot be written: \(unsafe String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(written)
    }
  }
}
