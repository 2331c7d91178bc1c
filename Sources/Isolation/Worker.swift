import FoundationEssentials
import Glibc

/// A supervised child that answers one request after another for as long as it lives: what a ``Supervisor`` is for one
/// command, this is for a program that keeps reading.
///
/// Requests and replies are bytes of any kind. Of a child that crashes, hangs or is gone, ``ask(_:)`` says how it ended, and
/// what it had said last that it was doing; a new worker can then be started. Calls may not overlap.
public final class Worker {
  /// What became of a request.
  public enum Answer: Sendable {
    /// The child's reply.
    case reply([UInt8])
    /// There was none: how the child ended, and its last ``WorkerChannel/note(_:)`` since the request, empty without one.
    case ended(Supervisor.Outcome, note: [UInt8])
  }

  /// Tells a child that it is one, whatever has become of its parent by then: its value is the parent's process id.
  static let marker = "NF_PROBE_WORKER_OF"

  /// Whether this process is such a child; then it has to serve a ``WorkerChannel`` and nothing else.
  public static var isThis: Bool { parent != nil }

  /// The process id in the marker.
  static var parent: pid_t? { unsafe getenv(marker).flatMap { unsafe pid_t(String(cString: $0)) } }

  /// A child that lives long gives memory back once there is much of it: what it reads is large, and most of it short-lived. Some it
  /// keeps, for the system takes as long to hand out fresh pages as a picture does to draw.
  private static let allocation =
    "glibc.malloc.mmap_threshold=4194304:glibc.malloc.trim_threshold=25165824:glibc.malloc.arena_max=1"

  private let process: pid_t
  private let requests: Int32
  private let replies: Int32
  private var isEnded = false

  /// Starts a child with the arguments of this process.
  ///
  /// - Parameter variables: what is added to its environment.
  /// - Throws: ``Supervisor/LaunchError``.
  public init(variables: [String: String] = [:]) throws(Supervisor.LaunchError) {
    let toChild = try Self.pipe()
    let fromChild = try Self.pipe()
    defer {
      close(toChild.reading)
      close(fromChild.writing)
    }
    // It hears of the parent's end through its input alone: a terminal sends its signals to both.
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { unsafe sigaddset(&mask, signal) }
    process = try Supervisor.spawn(
      CommandLine.arguments, mask: mask, streams: (toChild.reading, fromChild.writing),
      variables: variables.merging(["GLIBC_TUNABLES": Self.allocation, Self.marker: "\(getpid())"]) { $1 })
    requests = toChild.writing
    replies = fromChild.reading
  }

  deinit {
    close(requests)
    close(replies)
    guard !isEnded else { return }
    kill(process, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
  }

  /// Sends a request and waits for its reply.
  public func ask(_ request: [UInt8]) -> Answer {
    guard !isEnded else { return .ended(.exited(0), note: []) }
    var note: [UInt8] = []
    guard Frame(.request, request).write(to: requests) else { return .ended(end(), note: note) }
    while let frame = Frame(from: replies) {
      switch frame.kind {
      case .note: note = frame.bytes
      case .reply: return .reply(frame.bytes)
      case .request: break
      }
    }
    return .ended(end(), note: note)
  }

  private func end() -> Supervisor.Outcome {
    isEnded = true
    // What is out of step is as good as gone.
    kill(process, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    if signal != 0 { return .crashed(signal: signal) }
    let exitStatus = status >> 8 & 0xFF
    return exitStatus == ReadGuard.hungStatus ? .hung : .exited(exitStatus)
  }

  private static func pipe() throws(Supervisor.LaunchError) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    guard unsafe Glibc.pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else {
      throw Supervisor.LaunchError(
        description: "the reading process could not be started: \(unsafe String(cString: strerror(errno)))")
    }
    return (ends[0], ends[1])
  }
}

/// The child's side of a ``Worker``.
public struct WorkerChannel: Sendable {
  /// The channel of this process, which has to be a child: its standard input and output. Lets go of every other file that
  /// the parent had open: a connection that the parent closes would stay open here.
  public init() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    for descriptor in names.compactMap({ Int32($0) }) where descriptor > STDERR_FILENO { close(descriptor) }
  }

  /// Answers requests until the parent wants no more, or is gone.
  public func serve(_ answer: ([UInt8]) -> [UInt8]) {
    guard Worker.parent == getppid() else { return }
    while let frame = Frame(from: STDIN_FILENO) {
      guard frame.kind == .request, Frame(.reply, answer(frame.bytes)).write(to: STDOUT_FILENO) else {
        return
      }
    }
  }

  /// Says what is being done, so that the parent can tell what the child was at when it ended.
  public func note(_ bytes: [UInt8]) { _ = Frame(.note, bytes).write(to: STDOUT_FILENO) }
}

/// A message on a pipe: its kind, its length, its bytes.
private struct Frame {
  enum Kind: UInt8 { case request, reply, note }

  /// No message of ours is near it; what claims to be is no message.
  private static let most = 1 << 28

  let kind: Kind
  let bytes: [UInt8]

  init(_ kind: Kind, _ bytes: [UInt8]) {
    self.kind = kind
    self.bytes = bytes
  }

  /// The next message; nil where the other side has gone.
  init?(from descriptor: Int32) {
    guard let head = Self.read(descriptor, count: 5), let kind = Kind(rawValue: head[0]) else { return nil }
    let count = (1...4).reduce(0) { $0 | Int(head[$1]) << (8 * ($1 - 1)) }
    guard count <= Self.most, let bytes = Self.read(descriptor, count: count) else { return nil }
    self.init(kind, bytes)
  }

  /// Whether the other side is still there to take it.
  func write(to descriptor: Int32) -> Bool {
    let count = (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
    let message = [kind.rawValue] + count + bytes
    return unsafe message.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count, let base = buffer.baseAddress {
        let count = unsafe Glibc.write(descriptor, base + done, buffer.count - done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
  }

  private static func read(_ descriptor: Int32, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let isWhole = unsafe bytes.withUnsafeMutableBytes { buffer in
      var done = 0
      while done < count, let base = buffer.baseAddress {
        let got = unsafe Glibc.read(descriptor, base + done, count - done)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { return false }
        done += got
      }
      return true
    }
    return isWhole ? bytes : nil
  }
}
