import CHDF5

/// What a dataset says of itself, to be judged before any of its data is read.
public struct DatasetDescription: Equatable, Sendable {
  /// The kind of a dataset's elements.
  public enum ElementClass: Equatable, Sendable {
    /// An integer.
    case integer(bytes: Int, signed: Bool)
    /// A floating-point number.
    case float(bytes: Int)
    /// Text of any length.
    case variableText
    /// Text of a fixed number of bytes.
    case fixedText(bytes: Int)
    /// Anything else.
    case other
  }

  /// Where the elements lie.
  public enum Layout: Equatable, Sendable {
    /// In the header.
    case compact
    /// In one piece.
    case contiguous
    /// In chunks of this shape.
    case chunked([Int])
    /// In other files, or in a way that this wrapper does not know.
    case other
  }

  /// The kind of the elements.
  public var elementClass: ElementClass
  /// Extents, slowest first; empty for a scalar. An extent that no `Int` holds reads as `Int.max`.
  public var shape: [Int]
  /// Where the elements lie.
  public var layout: Layout
  /// Identifiers of the filters that the data go through: 1 deflate, 2 shuffle, 3 checksum.
  public var filters: [Int]
  /// Files outside this one that hold the data.
  public var externalFileCount: Int
}

extension HDF5Dataset {
  /// What the dataset says of itself. Reads headers, no data.
  public func description() throws -> DatasetDescription {
    let doing = "looking at \(name)"
    let type = try Identifier(doing) { H5Dget_type(id) }
    let list = try Identifier(doing) { H5Dget_create_plist(id) }
    let filterCount = try check(doing) { H5Pget_nfilters(list.id) }
    return DatasetDescription(
      elementClass: try elementClass(of: type.id, doing), shape: try shape(),
      layout: try layout(list.id, doing),
      filters: try (0..<filterCount).map { try filter(list.id, UInt32($0), doing) },
      externalFileCount: Int(try check(doing) { H5Pget_external_count(list.id) }))
  }

  private func layout(_ list: hid_t, _ doing: String) throws -> DatasetDescription.Layout {
    switch H5Pget_layout(list) {
    case H5D_COMPACT: return .compact
    case H5D_CONTIGUOUS: return .contiguous
    case H5D_CHUNKED:
      var extents = [hsize_t](repeating: 0, count: maximumRank)
      let rank = try check(doing) { unsafe H5Pget_chunk(list, Int32(maximumRank), &extents) }
      return .chunked(extents.prefix(Int(rank)).map { Int(clamping: $0) })
    default: return .other
    }
  }

  private func filter(_ list: hid_t, _ index: UInt32, _ doing: String) throws -> Int {
    var flags: UInt32 = 0
    var valueCount = 0
    var configuration: UInt32 = 0
    let filter = try check(doing) {
      unsafe H5Pget_filter2(list, index, &flags, &valueCount, nil, 0, nil, &configuration)
    }
    return Int(filter)
  }
}

/// The library's own limit on the rank of a dataset.
let maximumRank = 32

/// The class of a datatype.
func elementClass(of type: hid_t, _ doing: String) throws -> DatasetDescription.ElementClass {
  let size = H5Tget_size(type)
  switch H5Tget_class(type) {
  case H5T_INTEGER: return .integer(bytes: size, signed: H5Tget_sign(type) == H5T_SGN_2)
  case H5T_FLOAT: return .float(bytes: size)
  case H5T_STRING:
    return try check(doing) { H5Tis_variable_str(type) } > 0 ? .variableText : .fixedText(bytes: size)
  default: return .other
  }
}
