import Glibc

/// Holds back the signals that ask a process to end, and passes them on to a child while it runs.
struct SignalRelay: ~Copyable {
  /// The signal mask from before.
  private let previousMask: sigset_t
  private let relayed: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  init() {
    var mask = sigset_t()
    var previous = sigset_t()
    unsafe sigemptyset(&mask)
    for signal in relayed + [SIGCHLD] { unsafe sigaddset(&mask, signal) }
    unsafe pthread_sigmask(SIG_BLOCK, &mask, &previous)
    previousMask = previous
    // Ignored, it would have the kernel throw the child's exit status away.
    signal(SIGCHLD, SIG_DFL)
  }

  /// The mask that the child starts with: the one from before, but open for what is passed on.
  var childMask: sigset_t {
    var mask = previousMask
    for signal in relayed { unsafe sigdelset(&mask, signal) }
    return mask
  }

  /// Waits for the end of `child`, its only one.
  func wait(for child: pid_t) -> Supervisor.Outcome {
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    for signal in relayed + [SIGCHLD] { unsafe sigaddset(&mask, signal) }
    var passedOn: Int32?
    while true {
      var status: Int32 = 0
      let ended = unsafe waitpid(child, &status, WNOHANG)
      if ended == child { return outcome(status, passedOn) }
      if ended < 0, errno != EINTR { return .crashed(signal: 0) }
      var information = unsafe siginfo_t()
      let signal = unsafe sigwaitinfo(&mask, &information)
      guard relayed.contains(signal) else { continue }
      passedOn = signal
      // A terminal sends its signals to the whole group, the child included; a second one would end it unheard.
      if unsafe information.si_code <= 0 { kill(child, signal) }
    }
  }

  /// Back to the mask from before.
  func end() {
    var mask = previousMask
    unsafe pthread_sigmask(SIG_SETMASK, &mask, nil)
  }

  private func outcome(_ status: Int32, _ passedOn: Int32?) -> Supervisor.Outcome {
    let signal = status & 0x7F
    guard signal == 0 else {
      return signal == passedOn ? .interrupted(128 + signal) : .crashed(signal: signal)
    }
    let exitStatus = status >> 8 & 0xFF
    if exitStatus == ReadGuard.hungStatus { return .hung }
    return passedOn == nil ? .exited(exitStatus) : .interrupted(exitStatus)
  }
}
