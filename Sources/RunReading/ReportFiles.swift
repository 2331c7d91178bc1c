import Checkpoints
import FileAccess
import Foundation

/// The run files that a report was asked for.
public struct ReportFiles: Sendable {
  /// Each once, in the order in which they were named; those of a folder by name.
  public let paths: [String]
  /// The folders among what was named.
  public let folders: [String]

  /// - Throws: where something is not there, holds no run file, or is a checkpoint.
  public init(_ inputs: [String]) throws {
    var paths: [String] = []
    var folders: [String] = []
    for input in inputs {
      var isFolder: ObjCBool = false
      guard unsafe FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) else {
        throw RunReadingError.failed(
          "\(input) does not exist; name run files (.h5), or folders that hold some")
      }
      if isFolder.boolValue {
        let folder = Self.trimmed(input)
        folders.append(folder)
        paths += try Self.runFiles(in: folder)
      } else {
        try Self.refuseCheckpoint(input)
        paths.append(input)
      }
    }
    var seen: Set<String> = []
    self.paths = paths.filter {
      seen.insert(URL(fileURLWithPath: $0).resolvingSymlinksInPath().path).inserted
    }
    self.folders = folders
  }

  /// A path as a report shows it: folders of this machine are nobody's business.
  public static func shown(_ path: String) -> String {
    let path = trimmed(path)
    return path.hasPrefix("/") ? path.split(separator: "/").last.map(String.init) ?? path : path
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  private static func runFiles(in path: String) throws -> [String] {
    let folder = RunFolder(path: path, names: try names(in: path))
    guard !folder.files.isEmpty else { throw folder.lacksRuns }
    return folder.files
  }

  private static func names(in folder: String) throws -> [String] {
    do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
      throw RunReadingError.failed("the folder \(folder) cannot be read: \(systemReason(of: error))")
    }
  }

  private static func refuseCheckpoint(_ path: String) throws {
    guard FileInspection.isCheckpoint(path), (try? Checkpoint(path: path)) != nil else { return }
    throw RunReadingError.failed(
      "\(path) is a checkpoint; a report is made of run files (.h5). `nf-probe scales` shows a checkpoint's scales,"
        + " `nf-probe compare` two of them")
  }
}
