import CHDF5
import Glibc

/// The type of UTF-8 strings of any length, the one that every reader shows as text.
func textType(_ doing: String) throws -> Identifier {
  let type = try Identifier(doing) { H5Tcopy(chdf5_c_string()) }
  try check(doing) { H5Tset_size(type.id, chdf5_variable_length()) }
  try check(doing) { H5Tset_cset(type.id, H5T_CSET_UTF8) }
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

extension HDF5Dataset {
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
