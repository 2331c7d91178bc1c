import CHDF5

/// How the library handles an open file: format, cache, patience, locks.
public struct HDF5FileAccess: Sendable {
  /// Bytes of the chunk cache of each dataset; a chunk that does not fit is read and written anew for every row.
  ///
  /// It is set for the file: single-writer mode forgets what is set for a dataset.
  public var chunkCacheBytes: Int
  /// How gladly chunks that were wholly read or written are given up before others, 0 to 1. At 1 the library keeps every chunk
  /// that was read in part, whatever their bytes: right for a writer that fills them, wrong for a reader of columns.
  public var wholeChunkPreemption: Double
  /// How often metadata that looks torn is read again before it counts as damaged; nil for the library's own
  /// choice, which takes minutes to give up.
  public var metadataReadAttempts: Int?
  /// Opens a file that a killed writer left although its header says that somebody writes it and gives an end from
  /// before the last writes. See ``HDF5File/coverWholeFile()``, which must follow before anything is read.
  public var ignoresWriterMark: Bool

  /// Creates access options.
  public init(
    chunkCacheBytes: Int = 1 << 20, wholeChunkPreemption: Double = 1, metadataReadAttempts: Int? = nil,
    ignoresWriterMark: Bool = false
  ) {
    self.chunkCacheBytes = chunkCacheBytes
    self.wholeChunkPreemption = wholeChunkPreemption
    self.metadataReadAttempts = metadataReadAttempts
    self.ignoresWriterMark = ignoresWriterMark
  }

  /// The defaults.
  public static let plain = HDF5FileAccess()

  func properties() throws -> Identifier {
    let doing = "setting up file access"
    let list = try Identifier(doing) { H5Pcreate(chdf5_file_access_class()) }
    try check(doing) { H5Pset_libver_bounds(list.id, H5F_LIBVER_V110, H5F_LIBVER_V110) }
    // Primes far above the chunks that fit. Slots are cleared for every dataset that is opened, which takes longer than the rest of it
    // where there are many.
    let slots = chunkCacheBytes < 1 << 20 ? 521 : 12_421
    try check(doing) { H5Pset_cache(list.id, 0, slots, chunkCacheBytes, wholeChunkPreemption) }
    if let metadataReadAttempts {
      try check(doing) { H5Pset_metadata_read_attempts(list.id, UInt32(metadataReadAttempts)) }
    }
    if ignoresWriterMark { try Self.ignoreWriterMark(list.id, doing) }
    return list
  }
}

extension HDF5FileAccess {
  /// Properties of the library's own `h5clear`, public by name only.
  static let repairProperties = ["clear_status_flags", "skip_eof_check"]

  /// Those of ``repairProperties`` that the installed library lacks.
  static func missingRepairProperties() throws -> [String] {
    let doing = "setting up file access"
    let list = try Identifier(doing) { H5Pcreate(chdf5_file_access_class()) }
    return try repairProperties.filter { name in
      try check(doing) { unsafe H5Pexist(list.id, name) } == 0
    }
  }

  private static func ignoreWriterMark(_ list: hid_t, _ doing: String) throws {
    let missing = try missingRepairProperties()
    guard missing.isEmpty else {
      throw HDF5Error(
        action: doing,
        reasons: [
          "the HDF5 library \(HDF5Library.version) does not know \(missing.joined(separator: ", ")), which opening "
            + "a file that a killed program left takes; version 1.10.8 does"
        ])
    }
    var yes = true
    for name in repairProperties { try check(doing) { unsafe H5Pset(list, name, &yes) } }
  }
}
