import CHDF5

/// The HDF5 library as a whole.
public enum HDF5Library {
  /// Sets the library up for a process that must not lose data; call it before anything else.
  ///
  /// - No exit handler: after a failed write, the handler's attempt to close the file can crash or spoil it.
  /// - No filter plug-ins: a file must not be able to make the library load code.
  ///
  /// Calls after the first change nothing.
  public static func prepare() {
    _ = prepared
  }

  /// The version that is linked, e.g. `1.10.8`.
  public static var version: String {
    var major: UInt32 = 0
    var minor: UInt32 = 0
    var release: UInt32 = 0
    unsafe H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  private static let prepared: Bool = {
    let withoutHandler = H5dont_atexit() >= 0
    let withoutPlugins = H5PLset_loading_state(0) >= 0
    return withoutHandler && withoutPlugins
  }()
}

/// An identifier of the library that this value owns: a dataspace, datatype, property list, attribute or object.
struct Identifier: ~Copyable {
  let id: hid_t

  /// Takes over what `call` returns; its failure is an error.
  init(_ action: @autoclosure () -> String, _ call: () throws -> hid_t) throws {
    id = try check(action(), call)
  }

  deinit {
    if H5Idec_ref(id) < 0 { H5Eclear2(hid_t(H5E_DEFAULT)) }
  }
}

/// The library's default property list; the header has it as a plain `int`.
let defaultProperties = hid_t(H5P_DEFAULT)
