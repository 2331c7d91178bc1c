import Glibc

/// A file as it stands: another file under its name, and any change to it, is another stamp.
struct FileStamp: Equatable {
  /// Which file it is.
  let device: UInt
  let number: UInt
  /// Its size in bytes.
  let size: Int
  /// When it was last changed, in nanoseconds since 1970.
  let changed: Int

  /// Nil where there is no regular file.
  init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    device = UInt(status.st_dev)
    number = UInt(status.st_ino)
    size = Int(status.st_size)
    changed = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
  }

  /// Whether it is the same file, perhaps grown.
  func isSameFile(as other: FileStamp) -> Bool { device == other.device && number == other.number }

  var text: String { "\(device):\(number):\(size):\(changed)" }

  /// When it was last changed, in seconds since 1970.
  var seconds: Double { Double(changed) / 1e9 }
}
