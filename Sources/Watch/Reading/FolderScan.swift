import FoundationEssentials
import Glibc

/// The run files that were named, and those in the folders that were.
struct FolderScan {
  /// Folders in folders that are looked into.
  private static let deepest = 6
  /// Files that are listed at most.
  static let most = 5000

  /// A run file.
  struct Found {
    /// The absolute path.
    var path: String
    /// What it is called on the page: the path below what was named.
    var name: String
  }

  /// The files, in the order in which they were named, those of a folder by name; and whether there are more than are listed.
  let files: [Found]
  let isCutOff: Bool

  init(_ inputs: [String]) {
    var files: [Found] = []
    var seen: Set<String> = []
    func add(_ path: String, _ name: String) {
      guard files.count <= Self.most, seen.insert(path).inserted else { return }
      files.append(Found(path: path, name: name))
    }
    for input in inputs {
      let path = Self.absolute(input)
      guard Self.isFolder(path) else {
        add(path, Self.lastPart(path))
        continue
      }
      let own = inputs.count > 1 ? Self.lastPart(path) + "/" : ""
      Self.walk(path, below: "", root: path, depth: 0) { add($0, own + $1) }
    }
    isCutOff = files.count > Self.most
    self.files = Array(files.prefix(Self.most))
  }

  private static func walk(
    _ folder: String, below: String, root: String, depth: Int, _ body: (String, String) -> Void
  ) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
    for name in names.sorted() where !name.hasPrefix(".") {
      let path = "\(folder)/\(name)"
      if name.hasSuffix(".h5") {
        // A link leads to what lies in the same folder tree, or nowhere.
        if !isLink(path) || absolute(path).hasPrefix(root + "/") { body(path, below + name) }
      } else if depth < deepest, !isLink(path), isFolder(path) {
        walk(path, below: "\(below)\(name)/", root: root, depth: depth + 1, body)
      }
    }
  }

  /// The path without links, `.` and `..`; of what is not there, the path that was given, from the root on.
  static func absolute(_ path: String) -> String {
    if let resolved = unsafe realpath(path, nil) {
      defer { unsafe free(resolved) }
      return unsafe String(cString: resolved)
    }
    return path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }

  private static func lastPart(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func mode(_ path: String, followsLinks: Bool) -> mode_t {
    var status = stat()
    let failure = followsLinks ? unsafe stat(path, &status) : unsafe lstat(path, &status)
    return failure == 0 ? status.st_mode & S_IFMT : 0
  }

  private static func isFolder(_ path: String) -> Bool { mode(path, followsLinks: true) == S_IFDIR }

  private static func isLink(_ path: String) -> Bool { mode(path, followsLinks: false) == S_IFLNK }
}
