import CHDF5

/// How a new dataset is laid out.
public struct DatasetShape: Sendable {
  /// Extents at the start, slowest first; empty for a scalar.
  public var extents: [Int]
  /// Extents of a chunk for a dataset that can grow along its first dimension; nil for one that cannot grow.
  public var chunk: [Int]?
  /// Level of deflate, 1 to 9, behind a byte shuffle; nil stores chunks as they are.
  public var compression: Int?

  /// A dataset that keeps its extents.
  public static func fixed(_ extents: [Int]) -> DatasetShape {
    DatasetShape(extents: extents, chunk: nil)
  }

  /// A dataset that has no rows yet and grows along its first dimension.
  /// - Parameters:
  ///   - row: extents of one row; empty where a row is one number.
  ///   - chunkRows: rows of a chunk.
  ///   - compression: level of deflate; nil stores chunks as they are.
  public static func growing(row: [Int], chunkRows: Int, compression: Int? = nil) -> DatasetShape {
    DatasetShape(extents: [0] + row, chunk: [chunkRows] + row, compression: compression)
  }

  func space(_ doing: String) throws -> Identifier {
    guard !extents.isEmpty else { return try Identifier(doing) { H5Screate(H5S_SCALAR) } }
    let current = extents.map { hsize_t($0) }
    var maximum = current
    if chunk != nil { maximum[0] = chdf5_unlimited() }
    return try Identifier(doing) { unsafe H5Screate_simple(Int32(current.count), current, maximum) }
  }
}

extension HDF5File {
  /// Creates a dataset of numbers in the root group.
  ///
  /// - Parameter fill: what elements hold that were never written.
  public func createDataset<Element: HDF5Element>(
    _ name: String, of type: Element.Type, shape: DatasetShape, fill: Element = .zero
  ) throws -> HDF5Dataset {
    let doing = "creating \(name)"
    let list = try creationProperties(shape, doing)
    var fill = fill
    try check(doing) { unsafe H5Pset_fill_value(list.id, Element.storage.id, &fill) }
    return try create(name, type: Element.storage.id, shape: shape, list.id, doing)
  }

  /// Creates a dataset of UTF-8 strings of any length in the root group and writes it.
  @discardableResult
  public func createDataset(_ name: String, strings: [String]) throws -> HDF5Dataset {
    let doing = "creating \(name)"
    let type = try textType(doing)
    let list = try creationProperties(.fixed([strings.count]), doing)
    let dataset = try create(name, type: type.id, shape: .fixed([strings.count]), list.id, doing)
    try unsafe withCStrings(strings) { pointers in
      _ = try check("writing \(name)") {
        unsafe H5Dwrite(dataset.id, type.id, hid_t(H5S_ALL), hid_t(H5S_ALL), defaultProperties, pointers)
      }
    }
    return dataset
  }

  /// Opens a dataset of the root group.
  public func dataset(_ name: String) throws -> HDF5Dataset {
    let id = try check("opening \(name)") { unsafe H5Dopen2(self.id, name, defaultProperties) }
    return HDF5Dataset(name: name, file: self, id: id)
  }

  /// Whether the root group has an entry of this name.
  public func contains(_ name: String) throws -> Bool {
    try check("looking for \(name)") { unsafe H5Lexists(id, name, defaultProperties) } > 0
  }

  func create(
    _ name: String, type: hid_t, shape: DatasetShape, _ list: hid_t, _ doing: String
  ) throws -> HDF5Dataset {
    let space = try shape.space(doing)
    let links = try Identifier(doing) { H5Pcreate(chdf5_link_create_class()) }
    try check(doing) { H5Pset_char_encoding(links.id, H5T_CSET_UTF8) }
    let dataset = try check(doing) {
      unsafe H5Dcreate2(id, name, type, space.id, links.id, list, defaultProperties)
    }
    return HDF5Dataset(name: name, file: self, id: dataset)
  }

  func creationProperties(_ shape: DatasetShape, _ doing: String) throws -> Identifier {
    let list = try Identifier(doing) { H5Pcreate(chdf5_dataset_create_class()) }
    // Attributes keep their order; the times of day that a header could hold would differ between equal runs.
    try check(doing) { H5Pset_attr_creation_order(list.id, chdf5_creation_order()) }
    try check(doing) { H5Pset_obj_track_times(list.id, false) }
    if let chunk = shape.chunk {
      let extents = chunk.map { hsize_t($0) }
      try check(doing) { unsafe H5Pset_chunk(list.id, Int32(extents.count), extents) }
    }
    if let level = shape.compression {
      try check(doing) { H5Pset_shuffle(list.id) }
      try check(doing) { H5Pset_deflate(list.id, UInt32(level)) }
    }
    return list
  }
}
