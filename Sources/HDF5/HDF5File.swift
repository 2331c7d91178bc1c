import CHDF5
import Glibc

/// An open HDF5 file. It closes when the last reference to it and to its datasets goes.
public final class HDF5File {
  /// The path that the file was opened by.
  public let path: String
  let id: hid_t
  /// Whether ``abandon()`` was called: nothing of this file is closed any more.
  public private(set) var isAbandoned = false
  private var isClosed = false

  /// How a new file is laid out.
  public struct CreationOptions: Sendable {
    /// Size of the pages that metadata and small data are packed into, so that no metadata block crosses a page
    /// of the disk; nil leaves the library's own layout.
    public var pageSize: Int?

    /// Creates options.
    public init(pageSize: Int? = 4096) {
      self.pageSize = pageSize
    }
  }

  /// Creates a file in the 1.10 format, which single-writer-multiple-reader mode needs.
  ///
  /// - Throws: ``HDF5Error``, also when `path` exists.
  public init(
    creating path: String, options: CreationOptions = CreationOptions(), access: HDF5FileAccess = .plain
  )
    throws
  {
    HDF5Library.prepare()
    let doing = "creating \(path)"
    let creation = try Identifier(doing) { H5Pcreate(chdf5_file_create_class()) }
    if let pageSize = options.pageSize {
      try check(doing) { H5Pset_file_space_strategy(creation.id, H5F_FSPACE_STRATEGY_PAGE, false, 1) }
      try check(doing) { H5Pset_file_space_page_size(creation.id, hsize_t(pageSize)) }
    }
    // netCDF readers list variables in the order in which they were made.
    try check(doing) { H5Pset_link_creation_order(creation.id, chdf5_creation_order()) }
    let properties = try access.properties()
    self.path = path
    id = try check(doing) { unsafe H5Fcreate(path, chdf5_access_exclusive(), creation.id, properties.id) }
  }

  /// Opens an existing file.
  ///
  /// - Throws: ``HDF5Error``.
  public init(opening path: String, mode: OpenMode, access: HDF5FileAccess = .plain) throws {
    HDF5Library.prepare()
    let properties = try access.properties()
    self.path = path
    id = try Self.patiently {
      try check("opening \(path)") { unsafe H5Fopen(path, mode.flags, properties.id) }
    }
  }

  /// Tries again for a quarter of a second while another process holds the library's lock on the file.
  ///
  /// Locks outlive their file for a moment where a process is being started: it shares all that is open until it runs
  /// a program of its own.
  private static func patiently(_ open: () throws -> hid_t) throws -> hid_t {
    let isTaken = unsafe String(cString: strerror(EAGAIN))
    for _ in 0..<10 {
      do { return try open() } catch let error as HDF5Error {
        guard error.systemMessage == isTaken else { throw error }
        usleep(25_000)
      }
    }
    return try open()
  }

  /// For what a file is opened.
  public enum OpenMode: Sendable {
    /// Reading a file that nobody writes.
    case reading
    /// Reading a file that grows, or that was left by a killed writer.
    case readingWhileWritten
    /// Reading and writing.
    case writing
    /// Writing while others read: from the first moment on, and until the file is closed.
    case writingWhileRead

    var flags: UInt32 {
      switch self {
      case .reading: chdf5_access_read_only()
      case .readingWhileWritten: chdf5_access_read_only() | chdf5_access_swmr_read()
      case .writing: chdf5_access_read_write()
      case .writingWhileRead: chdf5_access_read_write() | chdf5_access_swmr_write()
      }
    }
  }

  /// Lets readers in while this file is written, from now on. No attribute may be open.
  ///
  /// The corresponding C function is `H5Fstart_swmr_write`.
  public func startWritingWhileRead() throws {
    try check("letting readers into \(path)") { H5Fstart_swmr_write(id) }
  }

  /// Takes the end of the file for the end of what it holds, whatever its header says; closing a file that is open
  /// for writing puts that end into the header.
  ///
  /// The corresponding C function is `H5Fincrement_filesize` by nothing. Without it, closing a file that a killed
  /// writer left would cut off all that was added since the file was made.
  public func coverWholeFile() throws {
    try check("finding the end of \(path)") { H5Fincrement_filesize(id, 0) }
  }

  /// Hands everything to the operating system. The corresponding C function is `H5Fflush`.
  public func flush() throws {
    try check("flushing \(path)") { H5Fflush(id, H5F_SCOPE_LOCAL) }
  }

  /// The file's descriptor, for the system calls that the library does not make. It belongs to the library.
  public func descriptor() throws -> Int32 {
    var handle: UnsafeMutableRawPointer?
    try check("asking for the descriptor of \(path)") {
      unsafe H5Fget_vfd_handle(id, defaultProperties, &handle)
    }
    guard let handle = unsafe handle else {
      throw HDF5Error(action: "asking for the descriptor of \(path)", reasons: [])
    }
    return unsafe handle.assumingMemoryBound(to: Int32.self).pointee
  }

  /// Closes the file and reports what goes wrong, which a closing by `deinit` cannot.
  ///
  /// Datasets that are still referenced keep the file open inside the library; let go of them before.
  public func close() throws {
    guard !isClosed, !isAbandoned else { return }
    isClosed = true
    try check("closing \(path)") { H5Fclose(id) }
  }

  /// Leaves the file and its datasets open for ever, as a killed process would.
  ///
  /// After a failed write this keeps what was flushed: the library would write its half-made state on closing.
  public func abandon() {
    isAbandoned = true
  }

  deinit {
    guard !isClosed, !isAbandoned else { return }
    if H5Fclose(id) < 0 { H5Eclear2(hid_t(H5E_DEFAULT)) }
  }
}
