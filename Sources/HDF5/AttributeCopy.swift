import CHDF5

extension HDF5AttributeOwner {
  /// Takes over those attributes of another object that this one lacks, but for what dimension scales are wired with.
  ///
  /// - Throws: ``HDF5Error``.
  public func copyMissingAttributes(from source: some HDF5AttributeOwner) throws {
    for name in try source.attributeNames() where !Self.wiring.contains(name) {
      guard try !hasAttribute(name) else { continue }
      try copyAttribute(name, from: source)
    }
  }

  /// The names of all attributes, in their order in the file.
  ///
  /// - Throws: ``HDF5Error``.
  public func attributeNames() throws -> [String] {
    let doing = "listing the attributes of \(attributeOwnerName)"
    let names = AttributeNames()
    try check(doing) {
      unsafe H5Aiterate2(
        attributeOwnerID, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
        { _, name, _, context in
          guard let name = unsafe name, let context = unsafe context else { return -1 }
          let names = unsafe Unmanaged<AttributeNames>.fromOpaque(context).takeUnretainedValue()
          names.list.append(unsafe String(cString: name))
          return names.list.count > AttributeNames.limit ? -1 : 0
        }, Unmanaged.passUnretained(names).toOpaque())
    }
    return withExtendedLifetime(names) { names.list }
  }

  /// Attributes that hold references within their own file.
  private static var wiring: Set<String> { ["DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"] }

  private func copyAttribute(_ name: String, from source: some HDF5AttributeOwner) throws {
    let doing = "copying attribute \(name) of \(source.attributeOwnerName)"
    let original = try Identifier(doing) { unsafe H5Aopen(source.attributeOwnerID, name, defaultProperties) }
    let type = try Identifier(doing) { H5Aget_type(original.id) }
    let space = try Identifier(doing) { H5Aget_space(original.id) }
    let count = Int(try check(doing) { H5Sget_simple_extent_npoints(space.id) })
    let copy = try Identifier(doing) {
      unsafe H5Acreate2(attributeOwnerID, name, type.id, space.id, defaultProperties, defaultProperties)
    }
    guard count > 0 else { return }
    var bytes = [UInt8](repeating: 0, count: count * H5Tget_size(type.id))
    try check(doing) { unsafe H5Aread(original.id, type.id, &bytes) }
    // Text of any length lies outside of the elements, in memory of the library's own.
    defer { _ = unsafe H5Dvlen_reclaim(type.id, space.id, defaultProperties, &bytes) }
    try check(doing) { unsafe H5Awrite(copy.id, type.id, bytes) }
  }
}

/// The attributes of an object, as the library hands them over one by one.
private final class AttributeNames {
  static let limit = 4096
  var list: [String] = []
}
