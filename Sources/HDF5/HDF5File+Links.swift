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
    var information = H5G_info_t()
    try check(doing) { unsafe H5Gget_info(id, &information) }
    guard information.nlinks <= hsize_t(limit) else {
      throw HDF5Error(action: doing, reasons: ["\(information.nlinks) entries, more than \(limit)"])
    }
    return try (0..<information.nlinks).map { index in
      let name = try linkName(at: index, doing)
      return HDF5Link(name: name, target: try target(of: name, doing))
    }
  }

  private func linkName(at index: hsize_t, _ doing: String) throws -> String {
    // Longer names are cut, and then lead nowhere.
    var buffer = [CChar](repeating: 0, count: 256)
    let length = try check(doing) {
      unsafe H5Lget_name_by_idx(
        id, ".", H5_INDEX_NAME, H5_ITER_INC, index, &buffer, buffer.count, defaultProperties)
    }
    return String(decoding: buffer.prefix(min(length, 255)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func target(of name: String, _ doing: String) throws -> HDF5Link.Target {
    guard try check(doing, { unsafe chdf5_link_is_hard(id, name) }) == 1 else { return .indirect }
    let object = try Identifier(doing) { unsafe H5Oopen(id, name, defaultProperties) }
    return H5Iget_type(object.id) == H5I_DATASET ? .dataset : .otherObject
  }
}
