import CHDF5

/// How the library handles an open file: format, cache, patience, locks.
public struct HDF5FileAccess: Sendable {
  /// Bytes of the chunk cache of each dataset; a chunk that does not fit is read and written anew for every row.
  ///
  /// It is set for the file: single-writer mode forgets what is set for a dataset.
  public var chunkCacheBytes: Int
  /// How often metadata that looks torn is read again before it counts as damaged; nil for the library's own
  /// choice, which takes minutes to give up.
  public var metadataReadAttempts: Int?
  /// Opens a file although its header says that somebody writes it. Only for what a killed writer left.
  public var ignoresWriterMark: Bool
  /// Opens a file although its header tells of another length than it has. Only for repairing what a killed writer
  /// left: ``HDF5File/takeLengthFromDisk()`` must follow, or closing cuts the file off.
  public var ignoresLength: Bool

  /// Creates access options.
  public init(
    chunkCacheBytes: Int = 1 << 20, metadataReadAttempts: Int? = nil, ignoresWriterMark: Bool = false,
    ignoresLength: Bool = false
  ) {
    self.chunkCacheBytes = chunkCacheBytes
    self.metadataReadAttempts = metadataReadAttempts
    self.ignoresWriterMark = ignoresWriterMark
    self.ignoresLength = ignoresLength
  }

  /// The defaults.
  public static let plain = HDF5FileAccess()

  func properties() throws -> Identifier {
    let doing = "setting up file access"
    let list = try Identifier(doing) { H5Pcreate(chdf5_file_access_class()) }
    try check(doing) { H5Pset_libver_bounds(list.id, H5F_LIBVER_V110, H5F_LIBVER_V110) }
    // 12,421 slots, a prime far above the chunks that fit; 1: chunks that were wholly written or read go first.
    try check(doing) { H5Pset_cache(list.id, 0, 12_421, chunkCacheBytes, 1) }
    if let metadataReadAttempts {
      try check(doing) { H5Pset_metadata_read_attempts(list.id, UInt32(metadataReadAttempts)) }
    }
    // Properties of the library's own `h5clear`, public by name only.
    if ignoresWriterMark { try Self.set("clear_status_flags", in: list) }
    if ignoresLength { try Self.set("skip_eof_check", in: list) }
    return list
  }

  private static func set(_ property: String, in list: borrowing Identifier) throws {
    let doing = "setting \(property)"
    guard try check(doing, { unsafe H5Pexist(list.id, property) }) > 0 else {
      throw HDF5Error(action: doing, reasons: ["this version of the library does not have it"])
    }
    var yes = true
    try check(doing) { unsafe H5Pset(list.id, property, &yes) }
  }
}
