import CHDF5

/// One entry of a file's root group.
public struct HDF5Link: Equatable, Sendable {
  /// What an entry leads to.
  public enum Target: Sendable {
    /// A dataset of this file.
    case dataset
    /// A group or a named type of this file.
    case otherObject
    /// Something by its path, here or in another file: never followed.
    case indirect
  }

  /// The entry's name.
  public var name: String
  /// What it leads to.
  public var target: Target
}

extension HDF5File {
  /// The entries of the root group in order of name.
  ///
  /// - Parameter limit: more entries than this are an error.
  public func links(limit: Int) throws -> [HDF5Link] {
    let doing = "listing \(path)"
    let entries = try LinkNames(of: id, limit: limit, doing).entries
    guard entries.count <= limit else {
      throw HDF5Error(action: doing, reasons: ["more than \(limit) entries"])
    }
    return try entries.sorted { $0.name < $1.name }.map { name, isHard in
      HDF5Link(name: name, target: isHard ? try target(of: name, doing) : .indirect)
    }
  }

  private func target(of name: String, _ doing: String) throws -> HDF5Link.Target {
    let object = try Identifier(doing) { unsafe H5Oopen(id, name, defaultProperties) }
    return H5Iget_type(object.id) == H5I_DATASET ? .dataset : .otherObject
  }
}

/// The links of a group, as the library hands them over one by one.
private final class LinkNames {
  private(set) var entries: [(name: String, isHard: Bool)] = []
  private let limit: Int

  /// Lists one link more than `limit` at most.
  init(of group: hid_t, limit: Int, _ doing: String) throws {
    self.limit = limit
    try check(doing) {
      unsafe chdf5_for_each_link(
        group,
        { name, isHard, context in
          guard let name = unsafe name, let context = unsafe context else { return -1 }
          let names = unsafe Unmanaged<LinkNames>.fromOpaque(context).takeUnretainedValue()
          names.entries.append((unsafe String(cString: name), isHard != 0))
          return names.entries.count > names.limit ? 1 : 0
        }, Unmanaged.passUnretained(self).toOpaque())
    }
  }
}
