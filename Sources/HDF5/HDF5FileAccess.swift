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
  /// Opens a file although its header says that somebody writes it. Only for reading what a killed writer left.
  public var ignoresWriterMark: Bool

  /// Creates access options.
  public init(
    chunkCacheBytes: Int = 1 << 20, metadataReadAttempts: Int? = nil, ignoresWriterMark: Bool = false
  ) {
    self.chunkCacheBytes = chunkCacheBytes
    self.metadataReadAttempts = metadataReadAttempts
    self.ignoresWriterMark = ignoresWriterMark
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
    if ignoresWriterMark {
      // A property of the library's own `h5clear`, public by name only.
      var yes = true
      try check(doing) { unsafe H5Pset(list.id, "clear_status_flags", &yes) }
    }
    return list
  }
}
