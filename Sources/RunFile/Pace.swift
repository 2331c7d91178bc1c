/// When steps that wait in memory are flushed.
///
/// A reader must see a step within an interval after it ended, or by the next step; a flush costs about a
/// millisecond, so steps that are much shorter than the interval share one.
struct Pace {
  /// Bytes of waiting rows that are flushed whatever the time.
  static let waitingLimit = 4 << 20
  private let interval: Duration
  private var oldestWaiting: ContinuousClock.Instant?
  private var lastAppended: ContinuousClock.Instant?

  init(interval: Double) {
    self.interval = .seconds(interval)
  }

  /// Whether the rows are due now: by the next append, expected after as long as this one took, the oldest of them
  /// would have waited for 90 % of the interval or more.
  mutating func isDue(
    afterAppending waitingBytes: Int, at now: ContinuousClock.Instant = .now
  ) -> Bool {
    let gap = lastAppended.map { now - $0 } ?? interval
    lastAppended = now
    let oldest = oldestWaiting ?? now
    oldestWaiting = oldest
    return (now - oldest) + gap >= interval * 0.9 || waitingBytes >= Self.waitingLimit
  }

  /// Nothing waits any more.
  mutating func flushed() {
    oldestWaiting = nil
  }
}
