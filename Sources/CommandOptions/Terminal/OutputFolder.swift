import FileAccess
import Foundation

/// The folder that a command fills.
package struct OutputFolder {
  /// Where it is.
  package let path: String

  /// Makes the folder that was asked for, or the next free `nf-probe-runs/<command>-NNN`.
  ///
  /// An existing folder is taken where it is empty or `overwrite` is set.
  package init(_ options: OutputOptions, command: String) throws {
    let manager = FileManager.default
    path = options.out ?? Self.nextFree(command)
    var isFolder: ObjCBool = false
    if unsafe manager.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else {
        throw CommandError.usage("--out \(path) is a file; name a folder that is new or empty")
      }
      let content = Self.content(path)
      guard content.isEmpty || options.overwrite else {
        throw CommandError.usage(
          "--out \(path) exists and holds \(content.count) files; name another folder, or give --overwrite")
      }
    }
    do { try manager.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw CommandError.failed("the folder \(path) cannot be made: \(systemReason(of: error))")
    }
    guard manager.isWritableFile(atPath: path) else {
      throw CommandError.failed("the folder \(path) is read-only; give --out with one that can be written to")
    }
  }

  /// A folder that is there already, to go on with what it holds.
  package init(existing path: String) throws {
    self.path = path
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else {
      throw CommandError.usage("there is no folder \(path)")
    }
    guard FileManager.default.isWritableFile(atPath: path) else {
      throw CommandError.failed("the folder \(path) is read-only; its runs cannot go on there")
    }
  }

  /// A folder that several processes fill, made where it is not there.
  package init(shared path: String) throws {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw CommandError.failed("the folder \(path) cannot be made: \(systemReason(of: error))")
    }
    try self.init(existing: path)
  }

  /// The folder that is meant where a run file in it is named, too.
  package static func path(of name: String) -> String {
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: name, isDirectory: &isFolder), !isFolder.boolValue
    else { return name }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return parts.isEmpty ? "." : parts == [""] ? "/" : parts.joined(separator: "/")
  }

  /// A file in the folder.
  package func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

  /// Writes a file whole or not at all.
  package static func write(_ text: String, to path: String) throws {
    try AtomicFileWriter.write(text, to: path)
  }

  /// What a folder holds, without what a process left that was killed before the folder's first file was in place.
  private static func content(_ path: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    guard names.allSatisfy({ $0.wholeMatch(of: /(command\.json|recipe\.yaml)\.tmp-\d+-\d+/) != nil }) else {
      return names
    }
    for name in names { try? FileManager.default.removeItem(atPath: "\(path)/\(name)") }
    return []
  }

  private static func nextFree(_ command: String) -> String {
    let numbers = (1...).lazy.map { number in
      "nf-probe-runs/\(command)-\(String(repeating: "0", count: max(0, 3 - String(number).count)))\(number)"
    }
    return numbers.first { !FileManager.default.fileExists(atPath: $0) } ?? "nf-probe-runs/\(command)"
  }
}
