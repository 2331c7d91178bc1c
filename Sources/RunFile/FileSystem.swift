import Glibc

/// The few system calls that a run file needs beyond the HDF5 library.
enum FileSystem {
  /// What a path leads to.
  enum Kind {
    case nothing, file(size: Int), folder, other
  }

  static func kind(of path: String) throws(SystemError) -> Kind {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return .nothing }
      throw SystemError(errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file(size: Int(status.st_size))
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// The first bytes of a file, at most `count`.
  static func prefix(of path: String, count: Int) throws(SystemError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(errno) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let got = unsafe Glibc.read(descriptor, &bytes, count)
    guard got >= 0 else { throw SystemError(errno) }
    return Array(bytes.prefix(got))
  }

  /// Whether an open file still has a name.
  static func hasName(_ descriptor: Int32) -> Bool {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 && status.st_nlink > 0
  }

  /// Waits until what was written to an open file is on the disk, with what is needed to find it again.
  static func synchronizeData(_ descriptor: Int32) throws(SystemError) {
    guard fdatasync(descriptor) == 0 else { throw SystemError(errno) }
  }

  /// Waits until a file, or the names in a folder, are on the disk.
  static func synchronize(_ path: String) throws(SystemError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(errno) }
    defer { close(descriptor) }
    // Some file systems cannot synchronise a folder and say so.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw SystemError(errno) }
  }

  static func move(_ source: String, to target: String) throws(SystemError) {
    guard unsafe rename(source, target) == 0 else { throw SystemError(errno) }
  }

  static func remove(_ path: String) throws(SystemError) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw SystemError(errno) }
  }

  /// The folder that a path lies in.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Makes a write beyond the process's file-size limit fail like one on a full disk, rather than end the
  /// process; a handler that the program set itself stays.
  static func reportFileSizeLimit() {
    var current = sigaction()
    guard unsafe sigaction(SIGXFSZ, nil, &current) == 0,
      unsafe current.__sigaction_handler.sa_handler == nil
    else { return }
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Seconds since 1970.
  static func now() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// An error number of the operating system.
struct SystemError: Error, CustomStringConvertible {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  var description: String { unsafe String(cString: strerror(number)) }
}
