import CommandOptions
import Glibc
import Synchronization

/// The signal that asked this process to stop, 0 for none.
private let requested = Atomic<Int32>(0)

/// SIGINT and SIGTERM as a request that a run sees after each step.
package enum StopSignal {
  /// From now on the first signal asks to stop; a second one ends the process at once.
  package static func watch() {
    for number in [SIGINT, SIGTERM] {
      _ = signal(number) { number in
        requested.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  /// Whether to stop.
  package static var isRequested: Bool { requested.load(ordering: .relaxed) != 0 }

  /// 128 and the signal's number: 130 or 143.
  package static var exitStatus: Int32 { 128 + requested.load(ordering: .relaxed) }
}
