import Glibc
import HDF5
import RunData

/// Writes a finished run's file compressed, with filters that every HDF5 library has: shuffle and deflate.
///
/// The copy is read back and compared with the original before it takes a name, and only then replaces it: a full disk
/// or a kill at any moment leaves the original as it was. Like reading, this trusts the HDF5 library with bytes that may be damaged: do
/// it in a process of its own (module `Isolation`).
public struct RunFilePacking {
  /// What a packing did.
  public struct Report: Equatable, Sendable {
    /// Where the packed file is.
    public var path: String
    /// Steps that the original has.
    public var recordedSteps: Int
    /// Steps that the packed file has.
    public var keptSteps: Int
    /// Size of the original, in bytes.
    public var bytesBefore: Int
    /// Size of the packed file, in bytes.
    public var bytesAfter: Int
  }

  private let path: String
  private let target: String
  private let every: Int

  /// - Parameters:
  ///   - path: the file of a run that nobody writes.
  ///   - target: where the packed file goes, which must not exist; nil replaces the original.
  ///   - every: steps of a stretch of which one row is kept; 1 keeps all.
  public init(of path: String, to target: String? = nil, every: Int = 1) {
    precondition(every > 0, "a stretch of \(every) steps")
    self.path = path
    self.target = target ?? path
    self.every = every
  }

  /// Packs the file. No reader of it may be open in this process.
  ///
  /// - Throws: ``RunFileError``: also for a file that grows, was not closed, is damaged, or is packed already.
  public func run() throws -> Report {
    FileSystem.reportFileSizeLimit()
    // A look first: the lock makes a file of its own, which belongs beside run files only.
    try check(try RunFileReader(path: path))
    if target != path, case .nothing = try kind(of: target) {
    } else if target != path {
      throw RunFileError(.exists, path: target, "exists already; choose another name")
    }
    let lock = try WriterLock(forRunFile: target, holder: "a packing by process \(getpid())")
    let temporary = target + ".tmp"
    return try withExtendedLifetime(lock) {
      do {
        try FileSystem.remove(temporary)
        let report = try pack(to: temporary)
        try FileSystem.synchronize(temporary)
        try FileSystem.move(temporary, to: target)
        try FileSystem.synchronize(FileSystem.folder(of: target))
        return report
      } catch {
        try? FileSystem.remove(temporary)
        throw explained(error)
      }
    }
  }

  private func check(_ reader: RunFileReader) throws {
    switch reader.state {
    case .closed: break
    case .growing(let writer):
      throw RunFileError(
        .locked, path: path, "is being written (\(writer)); it can be packed when its run has ended")
    case .killed:
      throw RunFileError(
        .damaged, path: path,
        "was not closed by its writer; `nf-probe recover` makes it whole, and then it can be packed")
    }
    guard reader.manifest.packing == nil else {
      throw RunFileError(.mismatch, path: path, "is packed already")
    }
  }

  private func pack(to temporary: String) throws -> Report {
    let reader = try RunFileReader(path: path)
    guard reader.isOpenedPlainly, try reader.verify().isIntact else {
      throw RunFileError(
        .damaged, path: path,
        "is damaged, and stays as it is: a packed file would hide that (see `nf-probe verify`)")
    }
    let steps = reader.stepTable
    let rows = ThinnedRows(steps: steps.keys, segments: try reader.segments(), every: every)
    try write(reader, rows, to: temporary)
    try compare(reader, rows, with: temporary)
    return Report(
      path: target, recordedSteps: steps.keys.count, keptSteps: rows.kept.count,
      bytesBefore: try size(of: path), bytesAfter: try size(of: temporary))
  }

  private func write(_ reader: RunFileReader, _ rows: ThinnedRows, to temporary: String) throws {
    var manifest = reader.manifest
    manifest.packing = Packing(every: every, recordedSteps: reader.steps.count)
    let schema = RunSchema(manifest).restricted { name in reader.eventTable.column(name) != nil }
    let file = try HDF5File(
      creating: temporary, options: HDF5File.CreationOptions(pageSize: nil),
      access: HDF5FileAccess(chunkCacheBytes: 4 << 20))
    do {
      try RunFileBuilder(manifest: manifest, schema: schema, file: file).build()
      try takeAttributes(of: reader, to: file)
      for table in reader.tables { try table.copy(table === reader.stepTable ? rows.kept : nil, to: file) }
      try StretchExtremes(table: reader.stepTable, schema: schema, file: file).write(rows.stretches)
      try file.closeDurably()
    } catch {
      file.abandon()
      throw error
    }
  }

  /// What other programs have noted in the file. Variables of theirs are not understood, and so not cut to size.
  private func takeAttributes(of reader: RunFileReader, to file: HDF5File) throws {
    try file.copyMissingAttributes(from: reader.file)
    for link in try reader.file.links(limit: RunFileOpening.Limits.links) {
      guard try file.contains(link.name) else {
        throw RunFileError(
          .foreign, path: path,
          "has a variable \(link.name) that this program does not know, and stays as it is")
      }
      try file.dataset(link.name).copyMissingAttributes(from: reader.file.dataset(link.name))
    }
  }

  /// Every kept row must have come out with the original's checksums, and agree with them.
  private func compare(_ reader: RunFileReader, _ rows: ThinnedRows, with temporary: String) throws {
    let copy = try RunFileReader(path: temporary)
    var expected = reader.manifest
    expected.packing = copy.manifest.packing
    // Not the manifests as values: an entropy that nobody knows is not a number, and equal to nothing.
    guard copy.manifest.checksum == expected.checksum, copy.manifest.gradients == expected.gradients,
      try copy.verify().isIntact, copy.tables.count == reader.tables.count
    else {
      throw failure("the packed copy is not as it was written")
    }
    for (table, packed) in zip(reader.tables, copy.tables) {
      let kept = table === reader.stepTable ? rows.kept : Array(table.keys.indices)
      let original = try table.checksums(of: kept)
      // A thinned file has one more, of its own numbers.
      guard packed.keys == kept.map({ table.keys[$0] }),
        try Array(packed.checksums(of: Array(kept.indices)).prefix(original.count)) == original
      else { throw failure("rows of \(table.definition.marker.name) differ in the packed copy") }
    }
  }

  private func failure(_ detail: String) -> RunFileError {
    RunFileError(.writing, path: path, "could not be packed, and is as it was: \(detail)")
  }

  private func explained(_ error: any Error) -> RunFileError {
    error as? RunFileError ?? failure(RunFileError.cause(error))
  }

  private func kind(of path: String) throws -> FileSystem.Kind {
    do { return try FileSystem.kind(of: path) } catch {
      throw RunFileError(.notPermitted, path: path, "cannot be looked at: \(error)")
    }
  }

  private func size(of path: String) throws -> Int {
    if case .file(let size) = try kind(of: path) { size } else { 0 }
  }
}

extension RunFileReader {
  /// The attempt that made each step.
  fileprivate func segments() throws -> [Int] {
    guard let column = stepTable.column("segment"), !steps.isEmpty else { return [] }
    return try reading {
      try column.load(steps.indices)
      return column.integers
    }
  }
}
