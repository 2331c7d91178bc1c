extension AtomicFileWriter {
  /// Writes a text as a file, whole or not at all; one that has the name is replaced.
  public static func write(_ text: String, to path: String) throws(FileAccessError) {
    var file = try AtomicFileWriter(path: path)
    try file.append(Array(text.utf8))
    try file.commit(replacing: true)
  }
}
