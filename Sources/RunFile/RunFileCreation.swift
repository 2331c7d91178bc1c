import HDF5
import RunData

/// Makes a new run file so that no moment shows a half-made one under its name.
struct RunFileCreation {
  let path: String
  let manifest: RunManifest
  let schema: RunSchema
  let replacing: Bool

  /// Builds the schema in a temporary file, brings it to the disk, opens it for writing while others read, and only
  /// then gives it its name: a reader never meets a file that is being built, nor holds the lock that HDF5 takes
  /// while it opens one.
  ///
  /// - Throws: ``RunFileError``.
  func run() throws(RunFileError) -> HDF5File {
    let temporary = path + ".tmp"
    do {
      try checkTarget()
      try FileSystem.remove(temporary)
      try build(temporary)
      try FileSystem.synchronize(temporary)
      let access = HDF5FileAccess(chunkCacheBytes: schema.chunkCacheBytes)
      let file = try HDF5File.openedDurably(temporary, mode: .writingWhileRead, access: access)
      try FileSystem.move(temporary, to: path)
      try FileSystem.synchronize(FileSystem.folder(of: path))
      return file
    } catch {
      try? FileSystem.remove(temporary)
      throw RunFileError(creating: path, error)
    }
  }

  private func checkTarget() throws {
    switch try FileSystem.kind(of: path) {
    case .nothing: return
    case .file where replacing: return
    case .file:
      throw RunFileError(
        .exists, path: path, "exists already; choose another name or say that it may be replaced")
    case .folder: throw RunFileError(.notAFile, path: path, "is a folder")
    case .other: throw RunFileError(.notAFile, path: path, "exists and is not a regular file")
    }
  }

  private func build(_ temporary: String) throws {
    let file = try HDF5File(
      creating: temporary, access: HDF5FileAccess(chunkCacheBytes: schema.chunkCacheBytes))
    do {
      try RunFileBuilder(manifest: manifest, schema: schema, file: file).build()
      try file.flush()
      try file.close()
    } catch {
      file.abandon()
      throw error
    }
  }
}

extension RunFileError {
  /// What went wrong while a file was created.
  init(creating path: String, _ error: any Error) {
    if let error = error as? RunFileError {
      self = error
    } else {
      self.init(.writing, path: path, "cannot be created: \(Self.cause(error))")
    }
  }

  /// The shortest useful words for a failed call.
  static func cause(_ error: any Error) -> String {
    if let error = error as? HDF5Error { return error.systemMessage ?? error.description }
    return "\(error)"
  }
}
