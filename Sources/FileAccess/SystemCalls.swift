import Glibc

// The calls that need pointers, each as one function of values. Everything else in the package is free of them.

/// Size, modification time and kind of an open file.
struct FileStatus: Equatable {
  var byteCount: Int
  var modifiedSeconds: Int
  var modifiedNanoseconds: Int
  var kind: mode_t

  var isFolder: Bool { kind == S_IFDIR }
  var isRegular: Bool { kind == S_IFREG }
}

func status(of descriptor: CInt) -> Result<FileStatus, Errno> {
  var status = stat()
  guard unsafe fstat(descriptor, &status) == 0 else { return .failure(Errno.current) }
  return .success(
    FileStatus(
      byteCount: status.st_size, modifiedSeconds: status.st_mtim.tv_sec,
      modifiedNanoseconds: status.st_mtim.tv_nsec, kind: status.st_mode & S_IFMT))
}

/// Reads until `elements[range]` is full or the file ends; returns the number of bytes read.
///
/// Every bit pattern of a number type is a value, so any bytes may be read. They are little-endian in every format that
/// we read, as are all machines that Swift runs Linux on.
func readFully<Element: Numeric & BitwiseCopyable>(
  _ descriptor: CInt, into elements: inout [Element], range: Range<Int>, at offset: Int
) -> Result<Int, Errno> {
  let stride = MemoryLayout<Element>.stride
  let count = range.count * stride
  return unsafe elements.withUnsafeMutableBytes { buffer in
    var done = 0
    while done < count {
      guard let base = buffer.baseAddress else { break }
      let target = unsafe base + range.lowerBound * stride + done
      let result = unsafe pread(descriptor, target, count - done, offset + done)
      if result < 0 {
        if errno == EINTR { continue }
        return .failure(Errno.current)
      }
      if result == 0 { break }
      done += result
    }
    return .success(done)
  }
}

/// Writes all elements, little-endian, at the file's current position.
func writeFully<Element: Numeric & BitwiseCopyable>(_ descriptor: CInt, _ elements: [Element]) -> Errno? {
  unsafe elements.withUnsafeBytes { buffer in
    var done = 0
    while done < buffer.count {
      guard let base = buffer.baseAddress else { break }
      let result = unsafe write(descriptor, base + done, buffer.count - done)
      if result < 0 {
        if errno == EINTR { continue }
        return Errno.current
      }
      done += result
    }
    return nil
  }
}

/// A system error number with the system's own words for it.
struct Errno: Error, Equatable {
  var number: Int32

  static var current: Errno { Errno(number: errno) }

  var words: String {
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
  }

  var reason: FileAccessError.Reason {
    switch number {
    case ENOENT, ENOTDIR: .missing
    case EACCES, EPERM, EROFS: .notPermitted
    case EISDIR: .notARegularFile
    case EEXIST: .exists
    case ENOSPC, EDQUOT: .full
    default: .system(number)
    }
  }

  func error(_ path: String, _ doing: String) -> FileAccessError {
    FileAccessError(path: path, reason: reason, problem: "\(doing): \(words)")
  }
}
