import CHDF5

/// A dataset of an open file; it keeps the file open.
public final class HDF5Dataset {
  /// The dataset's name in the root group.
  public let name: String
  /// The file that it lies in.
  public let file: HDF5File
  let id: hid_t

  init(name: String, file: HDF5File, id: hid_t) {
    self.name = name
    self.file = file
    self.id = id
  }

  deinit {
    guard !file.isAbandoned else { return }
    if H5Dclose(id) < 0 { H5Eclear2(hid_t(H5E_DEFAULT)) }
  }

  /// Extents, slowest first; empty for a scalar. An extent that no `Int` holds reads as `Int.max`.
  public func shape() throws -> [Int] {
    let doing = "reading the extent of \(name)"
    let space = try Identifier(doing) { H5Dget_space(id) }
    let rank = Int(try check(doing) { H5Sget_simple_extent_ndims(space.id) })
    var extents = [hsize_t](repeating: 0, count: max(rank, 1))
    try check(doing) { unsafe H5Sget_simple_extent_dims(space.id, &extents, nil) }
    return extents.prefix(rank).map { Int(clamping: $0) }
  }

  /// Changes the extents, within the limits that the dataset was made with. New elements have the fill value.
  ///
  /// The corresponding C function is `H5Dset_extent`.
  public func setShape(_ shape: [Int]) throws {
    let extents = shape.map { hsize_t($0) }
    try check("extending \(name) to \(shape)") { unsafe H5Dset_extent(id, extents) }
  }

  /// Hands this dataset's data, then its metadata, to the operating system. The corresponding C function is
  /// `H5Dflush`.
  public func flush() throws {
    try check("flushing \(name)") { H5Dflush(id) }
  }

  /// Looks again at what a writer has added. The corresponding C function is `H5Drefresh`.
  public func refresh() throws {
    try check("refreshing \(name)") { H5Drefresh(id) }
  }

  /// Writes `values` to the box that begins at `start` and has the extents `count`, row-major.
  ///
  /// - Precondition: `values` has as many elements as the box.
  public func write<Element: HDF5Element>(_ values: [Element], start: [Int], count: [Int]) throws {
    precondition(values.count == count.reduce(1, *), "\(values.count) values for a box of \(count)")
    let doing = "writing \(count) to \(name)"
    try withSelection(start: start, count: count, doing) { file, memory in
      _ = try check(doing) {
        unsafe H5Dwrite(id, Element.storage.id, memory, file, defaultProperties, values)
      }
    }
  }

  /// Writes the whole dataset, row-major.
  ///
  /// - Precondition: `values` has as many elements as the dataset.
  public func write<Element: HDF5Element>(_ values: [Element]) throws {
    let shape = try shape()
    try write(values, start: shape.map { _ in 0 }, count: shape)
  }

  /// Reads the box that begins at `start` and has the extents `count` into `values`, row-major; numbers of another
  /// format are converted.
  public func read<Element: HDF5Element>(into values: inout [Element], start: [Int], count: [Int]) throws {
    let total = count.reduce(1, *)
    if values.count != total { values = Array(repeating: .zero, count: total) }
    guard total > 0 else { return }
    let doing = "reading \(count) from \(name)"
    try withSelection(start: start, count: count, doing) { file, memory in
      _ = try check(doing) {
        unsafe H5Dread(id, Element.storage.id, memory, file, defaultProperties, &values)
      }
    }
  }

  /// Reads the box that begins at `start` and has the extents `count`, row-major.
  public func read<Element: HDF5Element>(_ type: Element.Type, start: [Int], count: [Int]) throws -> [Element]
  {
    var values: [Element] = []
    try read(into: &values, start: start, count: count)
    return values
  }

  /// Reads the whole dataset, row-major.
  public func read<Element: HDF5Element>(_ type: Element.Type) throws -> [Element] {
    let shape = try shape()
    return try read(type, start: shape.map { _ in 0 }, count: shape)
  }
}

extension HDF5Dataset {
  /// Lends the dataspaces of a box in this dataset and of the memory that it is copied to or from.
  func withSelection(
    start: [Int], count: [Int], _ doing: String, _ body: (_ file: hid_t, _ memory: hid_t) throws -> Void
  ) throws {
    precondition(
      start.count == count.count && (start + count).allSatisfy { $0 >= 0 }, "no box: \(start) \(count)")
    let starts = start.map { hsize_t($0) }
    let counts = count.map { hsize_t($0) }
    let file = try Identifier(doing) { H5Dget_space(id) }
    // The library takes the ranks on trust.
    let rank = Int(try check(doing) { H5Sget_simple_extent_ndims(file.id) })
    guard rank == count.count else {
      throw HDF5Error(action: doing, reasons: ["the dataset has \(rank) dimensions, not \(count.count)"])
    }
    if rank > 0 {
      try check(doing) { unsafe H5Sselect_hyperslab(file.id, H5S_SELECT_SET, starts, nil, counts, nil) }
    }
    let memory = try Identifier(doing) {
      rank == 0 ? H5Screate(H5S_SCALAR) : unsafe H5Screate_simple(Int32(rank), counts, nil)
    }
    try body(file.id, memory.id)
  }
}
