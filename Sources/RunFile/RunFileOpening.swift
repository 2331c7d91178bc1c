import HDF5

/// Opens a run file for reading, whatever state its writer left it in, and judges its structure before any data is
/// read.
struct RunFileOpening {
  let path: String
  /// What the library may keep of each variable.
  let cacheBytes: Int

  /// An open file.
  struct Opened {
    let file: HDF5File
    /// Whether it could be opened as one that nobody writes.
    let isOpenedPlainly: Bool
    /// What every dataset says of itself, as of the opening.
    let descriptions: [String: DatasetDescription]
    /// Every dataset of a file that nobody writes. Of a growing file none: whoever reads its columns opens them when the manifest is
    /// read, for extents would be as old as these.
    let datasets: [String: HDF5Dataset]

    /// A dataset, opened once.
    func dataset(_ name: String) throws -> HDF5Dataset { try datasets[name] ?? file.dataset(name) }

    /// What a dataset says of itself.
    func description(of name: String) throws -> DatasetDescription {
      try descriptions[name] ?? file.dataset(name).description()
    }
  }

  /// The open file.
  ///
  /// The order matters: a file that is being written refuses a plain opening; one that was left while it was being
  /// opened or repaired refuses the second way too. No way changes the file.
  /// - Throws: ``RunFileError``.
  func open() throws(RunFileError) -> Opened {
    let isMarked = try checkFile()
    let attempts: [(HDF5File.OpenMode, HDF5FileAccess)] = [
      (.reading, access()), (.readingWhileWritten, access(metadataReadAttempts: 3)),
      (.reading, access(ignoresWriterMark: true)),
    ]
    var failures: [HDF5Error] = []
    for (index, (mode, access)) in attempts.enumerated() {
      do {
        let file = try HDF5File(opening: path, mode: mode, access: access)
        if access.ignoresWriterMark { try file.coverWholeFile() }
        let checked = try checkedDatasets(of: file)
        return Opened(
          file: file, isOpenedPlainly: index == 0, descriptions: checked.mapValues(\.description),
          datasets: index == 0 ? checked.mapValues(\.dataset) : [:])
      } catch let error as HDF5Error {
        failures.append(error)
        // A file that says that it was closed is what its header says, or damaged.
        guard isMarked else { break }
      } catch let error as RunFileError {
        throw error
      } catch {
        throw RunFileError(.damaged, path: path, "\(error)")
      }
    }
    throw explanation(failures)
  }

  private func access(metadataReadAttempts: Int? = nil, ignoresWriterMark: Bool = false) -> HDF5FileAccess {
    HDF5FileAccess(
      chunkCacheBytes: cacheBytes, wholeChunkPreemption: 0.75, metadataReadAttempts: metadataReadAttempts,
      ignoresWriterMark: ignoresWriterMark)
  }

  /// What every HDF5 file begins with.
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Whether the header says that somebody writes the file.
  private func checkFile() throws(RunFileError) -> Bool {
    do {
      switch try FileSystem.kind(of: path) {
      case .nothing: throw RunFileError(.missing, path: path, "there is no such file")
      case .folder: throw RunFileError(.notAFile, path: path, "is a folder, not a run file (.h5)")
      case .other: throw RunFileError(.notAFile, path: path, "is not a regular file")
      case .file(let size) where size == 0: throw RunFileError(.notHDF5, path: path, "is empty")
      case .file: break
      }
      let start = try FileSystem.prefix(of: path, count: 12)
      guard start.starts(with: Self.signature) else {
        throw RunFileError(.notHDF5, path: path, "is not an HDF5 file")
      }
      // Superblock version 3 keeps the mark in its twelfth byte.
      return start.count == 12 && start[8] == 3 && start[11] & 1 == 1
    } catch let error as RunFileError {
      throw error
    } catch {
      throw RunFileError(.notPermitted, path: path, "cannot be opened: \(error)")
    }
  }

  /// What the failed openings mean.
  private func explanation(_ failures: [HDF5Error]) -> RunFileError {
    let reasons = failures.flatMap(\.reasons)
    if failures.contains(where: \.isLock) { return .lockedByProgram(path) }
    if reasons.contains(where: { $0.contains("truncated file") }) {
      return RunFileError(.damaged, path: path, "is cut off: its header tells of more bytes than there are")
    }
    let detail = failures.map(\.description).first { !$0.contains("already open for write") }
    return RunFileError(
      .damaged, path: path, "could not be read: the file is damaged (\(detail ?? "unknown"))")
  }

  /// Limits far above every run file that this program makes, to keep a damaged or hostile one from claiming
  /// memory.
  enum Limits {
    static let links = 4096
    static let rank = 3
    static let chunkBytes = 64 << 20
    static let names = 1 << 20
    static let rows = 1 << 32
    /// How many times its size a chunk can have once it is unpacked: that of deflate.
    static let compression = 1032
  }

  /// The datasets of the root group, which has nothing else.
  private func checkedDatasets(
    of file: HDF5File
  ) throws -> [String: (dataset: HDF5Dataset, description: DatasetDescription)] {
    var checked: [String: (dataset: HDF5Dataset, description: DatasetDescription)] = [:]
    for link in try file.links(limit: Limits.links) {
      guard link.target == .dataset else {
        throw RunFileError(.foreign, path: path, "is not a run file of nf-probe: \(link.name) is no dataset")
      }
      let dataset = try file.dataset(link.name)
      let description = try dataset.description()
      if let obstacle = try obstacle(description) {
        throw RunFileError(
          .foreign, path: path, "is not a run file that can be read: \(link.name) \(obstacle)")
      }
      checked[link.name] = (dataset, description)
    }
    return checked
  }

  private func obstacle(_ dataset: DatasetDescription) throws -> String? {
    let bytes: Int
    switch dataset.elementClass {
    case .integer(let size, _), .float(let size), .fixedText(let size): bytes = size
    case .variableText: bytes = 16
    case .other: return "holds neither numbers nor text"
    }
    if dataset.shape.count > Limits.rank { return "has \(dataset.shape.count) dimensions" }
    if dataset.shape.contains(where: { $0 > Limits.rows }) { return "claims an extent of \(dataset.shape)" }
    if dataset.externalFileCount > 0 { return "keeps its data in another file" }
    if let filter = dataset.filters.first(where: { !(1...3).contains($0) }) {
      return "needs the filter \(filter)"
    }
    switch dataset.layout {
    case .other: return "is stored in a way that is not read"
    case .chunked(let chunk):
      let size = product(bytes, chunk)
      if size > Limits.chunkBytes { return "has chunks of \(chunk)" }
      return try hasRoom(for: product(bytes, dataset.shape), isPacked: !dataset.filters.isEmpty)
        ? nil : "claims an extent of \(dataset.shape), more than the file holds"
    case .compact, .contiguous:
      let size = product(bytes, dataset.shape)
      return size > Limits.names * 64 ? "claims \(dataset.shape) in one piece" : nil
    }
  }

  /// Whether the file is large enough for data of a size. A killed writer can leave extents that are ahead of the data by
  /// what waited to be written, far less than a chunk may have.
  private func hasRoom(for bytes: Int, isPacked: Bool) throws -> Bool {
    // Looked at now, not when the file was opened: it may grow.
    guard case .file(let size) = try FileSystem.kind(of: path) else { return true }
    return bytes - Limits.chunkBytes <= (isPacked ? product(Limits.compression, [size]) : size)
  }

  private func product(_ bytes: Int, _ extents: [Int]) -> Int {
    extents.reduce(bytes) {
      let (value, overflow) = $0.multipliedReportingOverflow(by: $1)
      return overflow ? .max : value
    }
  }
}

extension HDF5Error {
  /// Whether another program's lock on the file is the cause.
  var isLock: Bool { reasons.contains { $0.contains("unable to lock file, errno = 11") } }
}

extension RunFileError {
  /// A file that another program has open.
  static func lockedByProgram(_ path: String) -> RunFileError {
    RunFileError(.locked, path: path, "is locked by another program; close it there and try again")
  }
}
