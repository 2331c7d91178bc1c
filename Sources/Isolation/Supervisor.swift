import FoundationEssentials
import Glibc

/// Runs this program a second time, as a child that does the work, so that a library that crashes, hangs or grabs
/// memory on a damaged file takes only the child down.
///
/// The child is the same executable with the same arguments, environment and standard streams; one environment
/// variable tells it what it is. It goes when its parent goes.
public struct Supervisor: Sendable {
  /// How a child ended.
  public enum Outcome: Equatable, Sendable {
    /// It ended by itself, with this exit status.
    case exited(Int32)
    /// A signal ended it that nobody had sent to this process: a crash, or the kernel's answer to a limit.
    case crashed(signal: Int32)
    /// Its ``ReadGuard`` ended it: one call into a library took too long.
    case hung
    /// SIGINT, SIGTERM, SIGHUP or SIGQUIT came, and was passed on: the exit status, or 128 and the signal.
    case interrupted(Int32)

    /// What to tell the user of a file that was being read; nil where the child has said itself what there is to
    /// say.
    public func message(reading path: String) -> String? {
      switch self {
      case .exited, .interrupted: nil
      case .crashed(let signal):
        "\(path) could not be read: the file is damaged (the HDF5 library crashed on it: \(Self.name(signal)))"
      case .hung:
        "\(path) could not be read: the file is damaged (the HDF5 library did not come back from it)"
      }
    }

    /// The exit status to end with.
    public var exitStatus: Int32 {
      switch self {
      case .exited(let status), .interrupted(let status): status
      case .crashed, .hung: 1
      }
    }

    private static func name(_ signal: Int32) -> String {
      unsafe strsignal(signal).map { unsafe String(cString: $0) } ?? "signal \(signal)"
    }
  }

  /// A child that could not be started.
  public struct LaunchError: Error, CustomStringConvertible, Sendable {
    /// What failed.
    public let description: String
  }

  /// The environment variable that marks a child; its value is the parent's process id.
  static let marker = "NF_PROBE_SUPERVISED_BY"

  /// Whether this process is such a child. A marker that was inherited from further up does not count.
  public static var isChild: Bool { markedParent == getppid() }

  /// The process id in the marker.
  static var markedParent: pid_t? {
    unsafe getenv(marker).flatMap { unsafe pid_t(String(cString: $0)) }
  }

  /// Starts the child and waits for its end. Call it early, with no other thread started that expects signals.
  ///
  /// - Parameters:
  ///   - arguments: the child's arguments without the program's name; nil for those of this process.
  ///   - isSilent: whether what the child prints to standard output goes nowhere.
  /// - Throws: ``LaunchError``.
  public static func run(arguments: [String]? = nil, isSilent: Bool = false) throws(LaunchError) -> Outcome {
    let words =
      [CommandLine.arguments.first ?? "nf-probe"] + (arguments ?? Array(CommandLine.arguments.dropFirst()))
    // Blocked before the child exists, so that no signal is lost in between.
    let signals = SignalRelay()
    defer { signals.end() }
    let nowhere = isSilent ? unsafe open("/dev/null", O_WRONLY | O_CLOEXEC) : -1
    defer { if nowhere >= 0 { close(nowhere) } }
    let child = try spawn(
      words, mask: signals.childMask, streams: nowhere >= 0 ? (input: STDIN_FILENO, output: nowhere) : nil)
    return signals.wait(for: child)
  }

  /// Starts this program again, marked as a child of this process.
  ///
  /// - Parameters:
  ///   - words: its arguments, the program's name first.
  ///   - mask: the signals that it begins with as blocked.
  ///   - streams: what it has as standard input and output; nil for those of this process.
  ///   - variables: what is added to its environment.
  static func spawn(
    _ words: [String], mask: sigset_t, streams: (input: Int32, output: Int32)? = nil,
    variables: [String: String] = [:]
  ) throws(LaunchError) -> pid_t {
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var mask = mask
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if let streams {
      unsafe posix_spawn_file_actions_adddup2(&actions, streams.input, STDIN_FILENO)
      unsafe posix_spawn_file_actions_adddup2(&actions, streams.output, STDOUT_FILENO)
    }
    unsafe posix_spawnattr_setsigmask(&attributes, &mask)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let arguments = CStrings(words)
    let environment = CStrings(childEnvironment(variables))
    var child: pid_t = 0
    let failure = unsafe posix_spawn(
      &child, "/proc/self/exe", &actions, &attributes, arguments.pointers, environment.pointers)
    guard failure == 0 else {
      throw LaunchError(
        description: "the reading process could not be started: \(unsafe String(cString: strerror(failure)))")
    }
    return child
  }

  /// The environment of this process and the marker. Swift's crash reporter is off: it would print over the message
  /// and can wait for ever for the watchdog's thread.
  private static func childEnvironment(_ added: [String: String]) -> [String] {
    var variables = ProcessInfo.processInfo.environment.merging(added) { $1 }
    variables[marker] = "\(getpid())"
    variables["SWIFT_BACKTRACE"] = "enable=no"
    return variables.map { "\($0.key)=\($0.value)" }.sorted()
  }
}

/// A list of C strings that ends with nil and frees itself.
@safe final class CStrings {
  let pointers: [UnsafeMutablePointer<CChar>?]

  init(_ strings: [String]) {
    unsafe pointers = strings.map { unsafe strdup($0) } + [nil]
  }

  deinit {
    unsafe pointers.forEach { unsafe free($0) }
  }
}
