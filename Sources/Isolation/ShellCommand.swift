import Foundation
import Glibc

/// A command of the shell that is waited for, in a process group of its own, so that all that it has started ends with it.
public enum ShellCommand {
  /// How a command ended.
  public enum End: Equatable, Sendable {
    /// With this exit status.
    case exit(Int)
    /// By this signal.
    case signal(Int)
    /// Because somebody wanted it to.
    case stopped
  }

  /// How long a command may take to end once it was asked to.
  private static let patience = 5.0

  /// Runs a command; what it prints goes to a file.
  ///
  /// - Parameters:
  ///   - command: as `sh -c` takes it.
  ///   - log: the file, which is made or replaced.
  ///   - shouldStop: asked a few times a second; then the command and its children get SIGTERM, and later SIGKILL.
  /// - Throws: where the shell cannot be started, or the file cannot be made.
  public static func run(
    _ command: String, log: String, shouldStop: () -> Bool
  ) throws(Supervisor.LaunchError) -> End {
    let child = try spawn(command, log: log)
    var asked: ContinuousClock.Instant?
    var status: Int32 = 0
    while unsafe waitpid(child, &status, WNOHANG) == 0 {
      if let asked {
        if asked.duration(to: .now) / .seconds(1) > patience { killpg(child, SIGKILL) }
      } else if shouldStop() {
        asked = .now
        killpg(child, SIGTERM)
      }
      usleep(20_000)
    }
    if asked != nil { return .stopped }
    let signal = status & 0x7f
    return signal == 0 ? .exit(Int(status >> 8 & 0xff)) : .signal(Int(signal))
  }

  private static func spawn(_ command: String, log: String) throws(Supervisor.LaunchError) -> pid_t {
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // What this process ignores, its children would ignore, too.
    var defaults = sigset_t()
    unsafe sigemptyset(&defaults)
    for signal in [SIGINT, SIGTERM, SIGPIPE] { unsafe sigaddset(&defaults, signal) }
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    unsafe posix_spawnattr_setsigmask(&attributes, &mask)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    unsafe posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    let words = CStrings(["/bin/sh", "-c", command])
    let environment = CStrings(ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" })
    var child: pid_t = 0
    let failure = unsafe posix_spawn(
      &child, "/bin/sh", &actions, &attributes, words.pointers, environment.pointers)
    guard failure == 0 else {
      throw Supervisor.LaunchError(
        description:
          "the command could not be started with its output in \(log): \(unsafe String(cString: strerror(failure)))"
      )
    }
    return child
  }
}
