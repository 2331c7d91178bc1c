/// The right to make one of several runs that processes share: one of them has it at a time, and gives it back however it ends.
///
/// The kernel keeps it, so that no clock and no server decides who is alive.
public final class RunClaim {
  private let lock: WriterLock

  /// Takes the right to make the run of a file; nil where another process has it.
  ///
  /// - Parameters:
  ///   - path: the run's file, which need not be there yet.
  ///   - holder: who takes it, for people.
  /// - Throws: ``RunFileError`` where the folder takes no lock.
  public init?(run path: String, holder: String) throws(RunFileError) {
    do { lock = try WriterLock(forRunFile: path + ".claim", holder: holder) } catch {
      guard error.reason == .locked else { throw error }
      return nil
    }
  }

  /// Whether another process is making the run of a file, or writes it: what lies there may not be whole yet.
  public static func isTaken(run path: String) -> Bool {
    [path, path + ".claim"].contains { WriterLock.holder(ofRunFile: $0) != .nobody }
  }
}
