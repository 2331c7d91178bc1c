import Glibc

/// The right to write one run file: a lock on a file beside it, held as long as this value lives.
///
/// HDF5 gives its own lock up as soon as readers are let in, so it does not keep a second writer out. The kernel
/// releases this one however the process ends.
final class WriterLock {
  /// What a look at the lock shows.
  enum Holder: Equatable {
    case nobody
    /// A living process; its own words on who it is.
    case someone(String)
  }

  private let lockPath: String
  private let descriptor: Int32

  /// Takes the lock.
  /// - Throws: ``RunFileError``, also when another writer has it: who, since when.
  init(forRunFile path: String, holder: String) throws(RunFileError) {
    lockPath = path + ".lock"
    descriptor = try Self.acquire(lockPath, path)
    let note = Array((holder + "\n").utf8)
    // The note is for people only: a full disk must not keep a writer out here.
    _ = ftruncate(descriptor, 0)
    _ = unsafe write(descriptor, note, note.count)
  }

  deinit {
    // The name goes while the lock is still held: whoever opened the old file finds it nameless and tries again.
    unsafe unlink(lockPath)
    close(descriptor)
  }

  /// Who holds the lock of a run file; takes nothing.
  static func holder(ofRunFile path: String) -> Holder {
    let descriptor = unsafe open(path + ".lock", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .nobody }
    defer { close(descriptor) }
    var query = wholeFile(F_WRLCK)
    guard unsafe fcntl(descriptor, openFileGetLock, &query) == 0, query.l_type != Int16(F_UNLCK) else {
      return .nobody
    }
    return .someone(note(descriptor))
  }

  private static func acquire(_ lockPath: String, _ path: String) throws(RunFileError) -> Int32 {
    while true {
      let descriptor = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw cannotCreate(path, errno) }
      var request = wholeFile(F_WRLCK)
      guard unsafe fcntl(descriptor, openFileSetLock, &request) == 0 else {
        let failure = errno
        defer { close(descriptor) }
        guard failure == EAGAIN || failure == EACCES else {
          throw RunFileError(.writing, path: path, "its lock cannot be taken: \(SystemError(failure))")
        }
        throw RunFileError(
          .locked, path: path,
          "is being written by another process (\(note(descriptor))); "
            + "wait for it to end or choose another file")
      }
      if FileSystem.hasName(descriptor) { return descriptor }
      close(descriptor)
    }
  }

  private static func cannotCreate(_ path: String, _ number: Int32) -> RunFileError {
    let folder = FileSystem.folder(of: path)
    let detail =
      switch number {
      case ENOENT: "cannot be created: there is no folder \(folder)"
      case ENOTDIR: "cannot be created: \(folder) is not a folder"
      case EACCES, EROFS, EPERM: "cannot be created: the folder \(folder) is read-only"
      default: "cannot be created: \(SystemError(number))"
      }
    return RunFileError(.writing, path: path, detail)
  }

  private static func wholeFile(_ type: Int32) -> flock {
    flock(l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
  }

  private static func note(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 512)
    let got = unsafe pread(descriptor, &bytes, bytes.count, 0)
    let text = String(decoding: bytes.prefix(max(got, 0)), as: UTF8.self)
    let line = text.prefix { !$0.isNewline }
    return line.isEmpty ? "it has not said who it is" : String(line)
  }
}

// Locks of an open file description (Linux 3.15), which Swift's Glibc module lacks: unlike a process's own locks
// they are not lost when another part of the process opens and closes the same file.
private let openFileGetLock: Int32 = 36
private let openFileSetLock: Int32 = 37
