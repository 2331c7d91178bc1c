import Glibc

/// Names of what lies in a folder, without `.` and `..`, in no order.
///
/// - Returns: nil where `path` is no folder or cannot be opened as one; opening it as a file then says why.
/// - Throws: where it has more than `limit` entries.
public func folderEntries(_ path: String, atMost limit: Int = 100_000) throws(FileAccessError) -> [String]? {
  guard let folder = unsafe opendir(path) else { return nil }
  defer { unsafe closedir(folder) }
  var names: [String] = []
  while let entry = unsafe readdir(folder) {
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    guard name != ".", name != ".." else { continue }
    guard names.count < limit else {
      throw FileAccessError(
        path: path, reason: .system(EOVERFLOW), problem: "is a folder of more than \(limit) files")
    }
    names.append(name)
  }
  return names
}
