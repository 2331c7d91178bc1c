import HDF5

/// Makes a run file anew from its own finished rows, and puts it in its place at once.
///
/// After a crash of the machine the index of a variable's chunks can lack the last ones, so that the library cannot
/// cut the variable either. Its finished rows lie in front of them and can be copied.
struct RunFileCopy {
  let path: String

  /// Replaces the file by its copy. The old file stays until the new one is on the disk.
  /// - Throws: `HDF5Error`, ``SystemError`` or ``RunFileError``.
  func replace() throws {
    let temporary = path + ".tmp"
    do {
      try FileSystem.remove(temporary)
      try write(to: temporary)
      try FileSystem.synchronize(temporary)
      try FileSystem.move(temporary, to: path)
      try FileSystem.synchronize(FileSystem.folder(of: path))
    } catch {
      try? FileSystem.remove(temporary)
      throw error
    }
  }

  private func write(to temporary: String) throws {
    let reader = try RunFileReader(path: path)
    guard reader.isManifestIntact else {
      throw RunFileError(
        .damaged, path: path,
        "cannot be repaired: its attributes or coordinates are not as they were written (see `nf-probe verify`)"
      )
    }
    let access = HDF5FileAccess(chunkCacheBytes: reader.schema.chunkCacheBytes)
    let file = try HDF5File(creating: temporary, access: access)
    do {
      try RunFileBuilder(manifest: reader.manifest, schema: reader.schema, file: file).build()
      for table in reader.tables { try table.copy(to: file) }
      try file.flush()
      try file.close()
    } catch {
      file.abandon()
      throw error
    }
  }
}
