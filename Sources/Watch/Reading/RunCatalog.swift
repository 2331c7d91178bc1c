import Analysis
import Checksums
import Isolation
import RunData

/// All runs that are watched.
final class RunCatalog {
  /// Files that are kept open at most.
  private static let mostOpen = 12
  /// Numbers that are kept of runs at most: 48 MB.
  private static let mostNumbers = 6_000_000
  /// Between two looks into folders, in seconds.
  private static let scanInterval = 1.5

  private let inputs: [String]
  private let guardian: ReadGuard
  /// Says which file is being looked at.
  private let announce: (WatchedRun) -> Void
  /// The runs by id, and their order.
  private(set) var runs: [String: WatchedRun] = [:]
  private var order: [String] = []
  private var isCutOff = false
  private var lastScan: ContinuousClock.Instant?
  /// The runs that were asked for last, the latest at the end.
  private var used: [String] = []
  private var refused: [String: WatchRequest.Refusal] = [:]
  /// The groups of runs as they were told apart last: by the run's place, and of which runs.
  private var grouping: (labels: [String: String], members: [String]) = ([:], [])
  /// Counts changes of the list.
  private(set) var version = 0

  init(inputs: [String], guardian: ReadGuard, announce: @escaping (WatchedRun) -> Void) {
    self.inputs = inputs
    self.guardian = guardian
    self.announce = announce
  }

  /// The runs in the order of the list.
  var ordered: [WatchedRun] { order.compactMap { runs[$0] } }

  /// A sentence for the list where not all of it is there.
  var remark: String? {
    guard isCutOff else { return nil }
    return "there are more than \(FolderScan.most) run files; name a folder further down to see the others"
  }

  /// Files that are not to be touched.
  func refuse(_ refusals: [WatchRequest.Refusal]) {
    for refusal in refusals { refused[refusal.path] = refusal }
  }

  /// Looks for new files and new steps, for as long as there is time; returns whether something is left to look at.
  func look(until deadline: ContinuousClock.Instant) -> Bool {
    scan()
    for run in ordered where run.needsLook {
      guard ContinuousClock.now < deadline else { return true }
      look(at: run)
    }
    return checkRows()
  }

  /// Looks at one run whatever the time.
  func look(at run: WatchedRun) {
    let stamp = FileStamp(run.path)
    if let refusal = refused[run.path] {
      if refusal.stamp == stamp?.text ?? "" {
        run.refuse(WatchedRun.words(refusal.message, run.path, run.name), stamp: stamp)
        return
      }
      refused[run.path] = nil
    }
    announce(run)
    let before = run.version
    run.look(guardian)
    if run.version != before { version += 1 }
    // An open file takes memory: one that does not grow is opened again when somebody wants to see more of it.
    if run.isOpen, !run.isGrowing, run.keptNumbers == 0 {
      run.close()
    } else if run.isOpen {
      use(run)
    }
  }

  /// A run that a view is made of, its file looked at; nil for an id that is none.
  func run(_ id: String) -> WatchedRun? {
    guard let run = runs[id] else { return nil }
    if run.needsLook { look(at: run) }
    use(run)
    announce(run)
    return run
  }

  /// Looks at what a process that is not asked often has missed.
  func catchUp() {
    scan()
    if runs.values.contains(where: { $0.version == 0 }) { _ = look(until: .now + .seconds(2)) }
  }

  /// Runs `body` with the guard on a run.
  func reading<Result>(_ run: WatchedRun, _ body: (ReadGuard) throws -> Result) rethrows -> Result {
    announce(run)
    return try body(guardian)
  }

  /// The group of each run by its id. Told anew where other runs are known; while the list is read, each time that four times as many are.
  func groups(isRead: Bool) -> [String: String] {
    let members = ordered.compactMap { run in run.manifest.map { "\(run.id) \($0.runID)" } }
    if members != grouping.members, isRead || members.count >= 4 * grouping.members.count {
      grouping = (groupLabels(), members)
    }
    return grouping.labels
  }

  /// Lets go of every file.
  func closeFiles() {
    for run in runs.values where run.isOpen { run.close() }
  }

  private func use(_ run: WatchedRun) {
    used.removeAll { $0 == run.id }
    used.append(run.id)
    var open = used.compactMap { runs[$0] }.filter(\.isOpen)
    while open.count > Self.mostOpen { open.removeFirst().close() }
    var kept = open.reduce(0) { $0 + $1.keptNumbers }
    for other in open where kept > Self.mostNumbers && other.id != run.id {
      kept -= other.keptNumbers
      other.forgetColumns()
    }
  }

  private func scan() {
    if let lastScan, lastScan.duration(to: .now) < .seconds(Self.scanInterval) { return }
    lastScan = .now
    let scan = FolderScan(inputs)
    isCutOff = scan.isCutOff
    let found = scan.files.map { (id: Self.id($0.path), file: $0) }
    let ids = found.map(\.id)
    guard ids != order else { return }
    // What was there and is gone stays on the list, for people to be told.
    let gone = order.filter { !ids.contains($0) }
    for (id, file) in found where runs[id] == nil {
      runs[id] = WatchedRun(id: id, path: file.path, name: file.name)
    }
    if order != ids + gone { version += 1 }
    order = ids + gone
  }

  /// Compares a part of the rows that views are made of with their checksums.
  private func checkRows() -> Bool {
    for run in ordered where run.isOpen {
      announce(run)
      let before = run.version
      if run.check(guardian, rows: 500) {
        if run.version != before { version += 1 }
        return true
      }
    }
    return false
  }

  private static func id(_ path: String) -> String { String(SHA256.hexDigest(of: path.utf8).prefix(12)) }
}
