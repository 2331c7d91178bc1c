import CHDF5
import Glibc

/// The type of UTF-8 strings of any length, the one that every reader shows as text.
func textType(_ doing: String) throws -> Identifier {
  let type = try Identifier(doing) { H5Tcopy(chdf5_c_string()) }
  try check(doing) { H5Tset_size(type.id, chdf5_variable_length()) }
  try check(doing) { H5Tset_cset(type.id, H5T_CSET_UTF8) }
  return type
}

/// The type of UTF-8 strings that take `length` bytes each, padded with NULs.
func fixedTextType(length: Int, _ doing: String) throws -> Identifier {
  let type = try Identifier(doing) { H5Tcopy(chdf5_c_string()) }
  try check(doing) { H5Tset_size(type.id, length) }
  try check(doing) { H5Tset_cset(type.id, H5T_CSET_UTF8) }
  try check(doing) { H5Tset_strpad(type.id, H5T_STR_NULLPAD) }
  return type
}

/// Lends `strings` as an array of C strings. A NUL ends its string.
func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafePointer<CChar>?]) throws -> Result
) rethrows -> Result {
  let copies = unsafe strings.map { unsafe strdup($0) }
  defer { unsafe copies.forEach { unsafe free($0) } }
  return unsafe try body(copies.map { unsafe UnsafePointer($0) })
}

/// Takes over the C strings that the library allocated.
func takeStrings(_ pointers: [UnsafeMutablePointer<CChar>?], doing: String, limit: Int) throws -> [String] {
  defer { unsafe pointers.forEach { _ = unsafe H5free_memory($0) } }
  return unsafe try pointers.map { pointer in
    guard let pointer = unsafe pointer else { return "" }
    guard unsafe strlen(pointer) <= limit else {
      throw HDF5Error(action: doing, reasons: ["a string is longer than \(limit) bytes"])
    }
    return unsafe String(cString: pointer)
  }
}

extension HDF5File {
  /// Creates a dataset of UTF-8 strings of `length` bytes each, padded with NULs, in the root group. Unlike strings of
  /// any length they can be appended while others read.
  public func createDataset(_ name: String, textLength length: Int, shape: DatasetShape) throws -> HDF5Dataset
  {
    let doing = "creating \(name)"
    let type = try fixedTextType(length: length, doing)
    let list = try creationProperties(shape, doing)
    return try create(name, type: type.id, shape: shape, list.id, doing)
  }
}

extension HDF5Dataset {
  /// Writes strings of `length` bytes each to the box that begins at `start` and has the extents `count`.
  ///
  /// - Precondition: `bytes` has as many bytes as the box's strings.
  public func write(text bytes: [UInt8], length: Int, start: [Int], count: [Int]) throws {
    precondition(bytes.count == count.reduce(length, *), "\(bytes.count) bytes for a box of \(count)")
    let doing = "writing \(count) to \(name)"
    let type = try fixedTextType(length: length, doing)
    try withSelection(start: start, count: count, doing) { file, memory in
      _ = try check(doing) { unsafe H5Dwrite(id, type.id, memory, file, defaultProperties, bytes) }
    }
  }

  /// Reads strings of `length` bytes each from the box that begins at `start` and has the extents `count`.
  public func readText(length: Int, start: [Int], count: [Int]) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count.reduce(length, *))
    guard !bytes.isEmpty else { return bytes }
    let doing = "reading \(count) from \(name)"
    let type = try fixedTextType(length: length, doing)
    try withSelection(start: start, count: count, doing) { file, memory in
      _ = try check(doing) { unsafe H5Dread(id, type.id, memory, file, defaultProperties, &bytes) }
    }
    return bytes
  }

  /// Reads a whole dataset of one dimension of UTF-8 strings of any length.
  ///
  /// - Parameter limit: the longest string in bytes that is accepted.
  public func readStrings(limit: Int = 1 << 16) throws -> [String] {
    let doing = "reading \(name)"
    guard try description().elementClass == .variableText else {
      throw HDF5Error(action: doing, reasons: ["it does not hold text"])
    }
    let type = try textType(doing)
    let count = try shape().reduce(1, *)
    guard count > 0 else { return [] }
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe Array(repeating: nil, count: count)
    try check(doing) {
      unsafe H5Dread(id, type.id, hid_t(H5S_ALL), hid_t(H5S_ALL), defaultProperties, &pointers)
    }
    return unsafe try takeStrings(pointers, doing: doing, limit: limit)
  }
}
