import Glibc

/// Writes a file that appears under its name whole or not at all, even if the power fails.
///
/// The bytes go to a temporary file in the same folder, which ``commit(replacing:)`` flushes to the device and renames;
/// then the folder is flushed, because the new name is one of its bytes. A writer that is dropped before removes its
/// temporary file.
public struct AtomicFileWriter: ~Copyable {
  /// The file that will appear.
  public let path: String
  private let temporaryPath: String
  private var descriptor: CInt

  /// Creates the temporary file, `path` with the ending `.tmp-` and a number.
  /// - Throws: where the folder is missing or cannot be written to.
  public init(path: String) throws(FileAccessError) {
    var attempt = 0
    while true {
      let temporaryPath = "\(path).tmp-\(getpid())-\(attempt)"
      let descriptor = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 {
        self.path = path
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
        return
      }
      let error = Errno.current
      guard error.reason == .exists, attempt < 100 else { throw error.error(path, "cannot be created") }
      attempt += 1
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    // After a rename there is nothing left of this name, which is fine.
    unsafe unlink(temporaryPath)
  }

  /// Appends numbers, little-endian.
  /// - Throws: where they cannot be written, e.g. on a full device.
  public mutating func append<Element: Numeric & BitwiseCopyable>(
    _ elements: [Element]
  ) throws(FileAccessError) {
    if let error = writeFully(descriptor, elements) { throw error.error(path, "cannot be written") }
  }

  /// Makes the file appear under its name, and returns when it would survive a power failure.
  ///
  /// - Parameter replacing: whether a file that has the name already is replaced.
  /// - Throws: where flushing or renaming fails, and where a file has the name and `replacing` is false. The earlier
  ///   file is then as it was.
  public consuming func commit(replacing: Bool) throws(FileAccessError) {
    // An error of fsync is final: a second call would report success for pages that were lost.
    guard fsync(descriptor) == 0 else { throw Errno.current.error(path, "cannot be flushed to the device") }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw Errno.current.error(path, "cannot be closed") }
    try putInPlace(replacing: replacing)
    try flushFolder(of: path)
  }

  private func putInPlace(replacing: Bool) throws(FileAccessError) {
    // `rename` replaces always; `link` never does, and fails where the name is taken in the same instant.
    let result =
      replacing ? unsafe rename(temporaryPath, path) : unsafe link(temporaryPath, path)
    guard result != 0 else { return }
    let error = Errno.current
    if error.reason == .exists {
      throw FileAccessError(path: path, reason: .exists, problem: "exists already")
    }
    throw error.error(path, "cannot be put in place")
  }
}

/// Makes a folder where there is none, so that it would survive a power failure; the one that it lies in must exist.
/// - Throws: where it cannot be made, or the name is taken by something else.
public func makeFolder(_ path: String) throws(FileAccessError) {
  guard unsafe mkdir(path, 0o777) != 0 else { return try flushFolder(of: path) }
  let error = Errno.current
  var status = stat()
  let isFolder = unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  if error.reason == .exists, isFolder { return }
  throw error.error(path, "the folder cannot be made")
}

/// Brings the name of a new file or folder to the device: it is one of the bytes of the folder that it lies in.
private func flushFolder(of path: String) throws(FileAccessError) {
  let folder: String
  switch path.lastIndex(of: "/") {
  case nil: folder = "."
  case path.startIndex?: folder = "/"
  case let slash?: folder = String(path[..<slash])
  }
  let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw Errno.current.error(folder, "cannot be opened") }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw Errno.current.error(folder, "cannot be flushed to the device") }
}
