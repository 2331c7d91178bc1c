import Glibc
import Synchronization

/// The threads that compute, the caller among them.
///
/// Work is cut by sizes and thread count alone, so that results are bit-identical for a given thread count.
public final class Team: Sendable {
  /// Number of threads, the caller included.
  public let threadCount: Int
  private let shared: Shared
  private let workers: [pthread_t]
  /// One job at a time: callers on different threads wait for each other.
  private let caller = Mutex(())

  /// Starts `threadCount - 1` workers.
  /// - Precondition: `threadCount >= 1`.
  public init(threadCount: Int) {
    precondition(threadCount >= 1, "a team needs a thread, got \(threadCount)")
    useOneThreadPerProduct()
    self.threadCount = threadCount
    let shared = Shared()
    self.shared = shared
    workers = (1..<threadCount).map { thread in startThread { shared.work(as: thread) } }
  }

  deinit {
    shared.stop()
    for worker in workers { pthread_join(worker, nil) }
  }

  /// Runs `body(thread)` once on every thread and returns when all are done. Must not be called from `body`.
  public func run(_ body: (_ thread: Int) -> Void) {
    guard threadCount > 1 else { return body(0) }
    withoutActuallyEscaping(body) { escapable in
      caller.withLock { _ in
        shared.publish(escapable, workerCount: threadCount - 1)
        body(0)
        shared.awaitCompletion()
      }
    }
  }

  /// Cuts `0..<count` into one range a thread, each a multiple of `multiple` long except the last, and runs them.
  ///
  /// Ranges shorter than `grain` are not worth a thread: then fewer threads get work.
  public func split(
    _ count: Int, grain: Int = 1, multiple: Int = 1, _ body: (_ range: Range<Int>, _ thread: Int) -> Void
  ) {
    let parts = partCount(count, grain: grain)
    guard parts > 1 else {
      if count > 0 { body(0..<count, 0) }
      return
    }
    run { thread in
      let range = part(thread, of: count, grain: grain, multiple: multiple)
      if !range.isEmpty { body(range, thread) }
    }
  }

  /// How many threads get a range of ``split(_:grain:multiple:_:)``.
  func partCount(_ count: Int, grain: Int) -> Int { max(1, min(threadCount, count / max(grain, 1))) }

  /// The range that a thread gets of ``split(_:grain:multiple:_:)``; empty where it gets none.
  func part(_ thread: Int, of count: Int, grain: Int, multiple: Int) -> Range<Int> {
    let parts = partCount(count, grain: grain)
    guard thread < parts else { return count..<count }
    let share = ((count + parts - 1) / parts + multiple - 1) / multiple * multiple
    let start = min(count, thread * share)
    return start..<min(count, start + share)
  }

  /// Runs independent tasks, each on whichever thread is free.
  ///
  /// For tasks that write disjoint outputs; `thread` names scratch space, nothing else.
  public func forEach(taskCount: Int, _ body: (_ task: Int, _ thread: Int) -> Void) {
    let next = Atomic(0)
    run { thread in
      while true {
        let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard task < taskCount else { return }
        body(task, thread)
      }
    }
  }
}

/// What the caller and the workers share: the job of the moment and how many still work on it.
@safe
private final class Shared: @unchecked Sendable {
  private let generation = Atomic(0)
  private let pending = Atomic(0)
  private var job: ((Int) -> Void)?
  private var isStopping = false
  private var mutex = unsafe pthread_mutex_t()
  private var wakeUp = pthread_cond_t()

  /// Polls before a worker goes to sleep: some tens of microseconds, the gap between two kernels.
  private let pollsBeforeSleep = 20_000
  /// Polls before the caller lets other processes run.
  private let pollsBeforeYield = 2_000

  init() {
    unsafe pthread_mutex_init(&mutex, nil)
    unsafe pthread_cond_init(&wakeUp, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(&wakeUp)
    unsafe pthread_mutex_destroy(&mutex)
  }

  func publish(_ job: @escaping (Int) -> Void, workerCount: Int) {
    self.job = job
    pending.store(workerCount, ordering: .relaxed)
    announce()
  }

  func stop() {
    isStopping = true
    announce()
  }

  func awaitCompletion() {
    var polls = 0
    while pending.load(ordering: .acquiring) > 0 {
      polls += 1
      if polls > pollsBeforeYield { sched_yield() }
    }
    job = nil
  }

  func work(as thread: Int) {
    var seen = 0
    while true {
      seen = awaitGeneration(after: seen)
      if isStopping { return }
      job?(thread)
      pending.wrappingSubtract(1, ordering: .releasing)
    }
  }

  private func announce() {
    unsafe pthread_mutex_lock(&mutex)
    generation.wrappingAdd(1, ordering: .releasing)
    unsafe pthread_cond_broadcast(&wakeUp)
    unsafe pthread_mutex_unlock(&mutex)
  }

  private func awaitGeneration(after seen: Int) -> Int {
    for _ in 0..<pollsBeforeSleep {
      let current = generation.load(ordering: .acquiring)
      if current != seen { return current }
    }
    unsafe pthread_mutex_lock(&mutex)
    defer { unsafe pthread_mutex_unlock(&mutex) }
    while generation.load(ordering: .acquiring) == seen { unsafe pthread_cond_wait(&wakeUp, &mutex) }
    return generation.load(ordering: .acquiring)
  }
}

/// The body of a thread, carried through C.
private final class ThreadBody {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}

private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  var thread = pthread_t()
  let argument = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
  let status = unsafe pthread_create(
    &thread, nil,
    { argument in
      if let argument = unsafe argument {
        unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
      }
      return nil
    }, argument)
  precondition(status == 0, "the system refuses a thread (error \(status))")
  return thread
}
