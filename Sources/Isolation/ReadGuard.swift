import Glibc
import Synchronization

/// The child's side of a ``Supervisor``: limits on memory, no core files, and a watchdog that ends the process when a
/// call into a library does not come back, or when the parent is gone.
///
/// Outside a supervised child it sets the same limits and watches the same way.
public final class ReadGuard: Sendable {
  /// The exit status of a child that its watchdog ended.
  static let hungStatus: Int32 = 121

  private let limitNanoseconds: UInt64
  private let isSupervised = Supervisor.isChild
  /// When the current call must have come back, in nanoseconds of the monotonic clock; 0 between calls.
  private let deadline = Atomic<UInt64>(0)

  /// Sets the process up and starts the watchdog.
  ///
  /// - Parameters:
  ///   - seconds: how long one guarded call may take.
  ///   - memoryBytes: how much address space the process may have in all; nil for no limit of our own. A lower
  ///     limit that is set already stays.
  public init(seconds: Double, memoryBytes: UInt64? = 8 << 30) {
    limitNanoseconds = UInt64(max(seconds, 0.001) * 1e9)
    Self.limit(__rlimit_resource_t(4), to: 0)  // RLIMIT_CORE
    if let memoryBytes { Self.limit(__rlimit_resource_t(9), to: memoryBytes) }  // RLIMIT_AS
    startWatchdog()
  }

  /// Runs one call into the library under the watchdog. Calls may not overlap.
  public func run<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    deadline.store(Self.now() + limitNanoseconds, ordering: .releasing)
    defer { deadline.store(0, ordering: .releasing) }
    return try body()
  }

  private func startWatchdog() {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let failure = unsafe pthread_create(
      &thread, nil,
      { context in
        guard let context = unsafe context else { return nil }
        let guardian = unsafe Unmanaged<ReadGuard>.fromOpaque(context).takeUnretainedValue()
        guardian.watch()
      }, context)
    // Without a watchdog a hang would last for ever; better not to read at all.
    if failure != 0 { _exit(Self.hungStatus) }
    pthread_detach(thread)
  }

  private func watch() -> Never {
    let supervisor = isSupervised ? Supervisor.markedParent : nil
    while true {
      // The kernel's own death signal comes with the end of the parent's thread, and is variadic C; a look every
      // 20 ms serves as well.
      if let supervisor, getppid() != supervisor { _exit(1) }
      usleep(20_000)
      let deadline = deadline.load(ordering: .acquiring)
      // `_exit`: nothing that the stuck thread holds may be waited for.
      if deadline != 0, Self.now() > deadline { _exit(Self.hungStatus) }
    }
  }

  private static func limit(_ resource: __rlimit_resource_t, to bytes: UInt64) {
    var limits = rlimit()
    unsafe getrlimit(resource, &limits)
    limits.rlim_cur = min(limits.rlim_cur, rlim_t(bytes), limits.rlim_max)
    unsafe setrlimit(resource, &limits)
  }

  private static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
