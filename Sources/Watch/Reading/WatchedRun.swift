import Analysis
import Isolation
import RunData
import RunFile

/// A run file that is watched: what the list says of it, and the columns that views have asked for, which grow as it does.
final class WatchedRun {
  /// What the library may keep of each variable of a file that stays open.
  private static let cacheBytes = 256 << 10

  /// Names it in addresses.
  let id: String
  /// Its path.
  let path: String
  /// What people see of the path.
  let name: String
  /// Counts changes: of the file, and of what is known of it.
  private(set) var version = 0
  /// How far it is; nil while nobody has looked, and where it cannot be read.
  private(set) var progress: RunProgress?
  /// Its manifest, as of the last look.
  private(set) var manifest: RunManifest?
  /// Why it cannot be read; nil where it can.
  private(set) var problem: String?
  /// What of it is left out, in words.
  private(set) var remarks: [String] = []
  /// The file as it was at the last look.
  private(set) var stamp: FileStamp?
  /// Whether somebody writes it.
  private(set) var isGrowing = false

  private var reader: RunFileReader?
  private var columns: [ColumnKey: RecordedRun] = [:]
  /// The keys of ``columns``, that of the latest view last.
  private var columnKeys: [ColumnKey] = []
  /// Operations and sums that are kept of one run.
  private static let mostColumns = 3
  /// Rows of ``columns`` that were compared with their checksums.
  private var checkedRows = 0

  private struct ColumnKey: Hashable {
    var tensor: String?
    var sum: GradientStatistic.Sum
  }

  init(id: String, path: String, name: String) {
    self.id = id
    self.path = path
    self.name = name
  }

  /// Whether the file has changed since the last look, or may have a writer that is gone.
  var needsLook: Bool { version == 0 || FileStamp(path) != stamp || isGrowing }

  /// Whether it is open.
  var isOpen: Bool { reader != nil }

  /// Lets go of the file and of what was read of it.
  func close() {
    reader = nil
    columns = [:]
    checkedRows = 0
  }

  /// Not to be read: it took another process down.
  func refuse(_ message: String, stamp: FileStamp?) {
    close()
    self.stamp = stamp
    (progress, isGrowing, remarks) = (nil, false, [])
    if problem != message || version == 0 { version += 1 }
    problem = message
  }

  /// Looks at the file, and reads what is new of its end.
  func look(_ guardian: ReadGuard) {
    let now = FileStamp(path)
    let isUnchanged = now == stamp && version > 0
    do {
      if now == nil || stamp.map({ !($0.isSameFile(as: now ?? $0)) }) ?? false { close() }
      if let reader, isGrowing {
        // Without news from its writer there is nothing to read, but the writer may be gone.
        if isUnchanged, guardian.run({ reader.hasWriter() }) { return }
        try guardian.run { _ = try reader.refresh() }
      } else {
        if isUnchanged, !isGrowing { return }
        close()
        reader = try guardian.run { try RunFileReader(path: path, cacheBytes: Self.cacheBytes) }
      }
      try note(guardian)
    } catch {
      close()
      (progress, isGrowing, remarks) = (nil, false, [])
      problem = now == nil ? "the file is gone" : Self.words("\(error)", path, name)
    }
    stamp = now
    version += 1
  }

  private func note(_ guardian: ReadGuard) throws {
    guard let reader else { return }
    let last = reader.steps.suffix(RunProgress.recordCount)
    let window = last.first.map { $0..<Int.max } ?? 0..<0
    let recent = try guardian.run { try reader.read(tensors: [], window: window) }
    if case .growing = reader.state { isGrowing = true } else { isGrowing = false }
    progress = RunProgress(of: recent, isGrowing: isGrowing)
    manifest = reader.manifest
    problem = nil
    remarks = words(of: reader)
    if columns.values.contains(where: { !Self.continues($0, in: reader) }) {
      columns = [:]
      checkedRows = 0
    }
  }

  /// Whether what was read is still the beginning of what is there.
  private static func continues(_ run: RecordedRun, in reader: RunFileReader) -> Bool {
    guard let last = run.steps.last else { return true }
    let place = StepWindow(lower: last, upper: last + 1).indices(in: reader.steps)
    return run.manifest.runID == reader.manifest.runID && !place.isEmpty
  }

  private func words(of reader: RunFileReader) -> [String] {
    var found: [String] = []
    if !reader.isManifestIntact {
      found.append("attributes or coordinates are not as they were written; do not trust what they say")
    }
    let damaged = reader.damagedRows.values.reduce(0) { $0 + $1.count }
    if damaged > 0 {
      found.append(
        "\(damaged) damaged \(damaged == 1 ? "row is" : "rows are") left out; nf-probe verify shows which")
    }
    if reader.untrustedRows > 0, !isGrowing {
      found.append("the last \(reader.untrustedRows) steps were not finished, and are left out")
    }
    return found
  }

  /// Messages name the file as the page does.
  static func words(_ message: String, _ path: String, _ name: String) -> String {
    message.replacing(path, with: name)
  }

  /// The run with an operation's sums, or without any, as far as it is recorded; nil where it cannot be read.
  ///
  /// Steps that were read before are not read again. Rows are compared with their checksums later, by ``check(_:rows:)``.
  func recorded(
    _ tensor: String?, _ sum: GradientStatistic.Sum, _ guardian: ReadGuard
  ) throws -> RecordedRun? {
    if reader == nil, problem == nil {
      reader = try guardian.run { try RunFileReader(path: path, cacheBytes: Self.cacheBytes) }
    }
    guard let reader else { return nil }
    let tensors = [tensor].compactMap(\.self).filter(reader.manifest.gradients.tensorNames.contains)
    let key = ColumnKey(tensor: tensors.first, sum: sum)
    columnKeys = columnKeys.filter { $0 != key } + [key]
    for old in columnKeys.dropLast(Self.mostColumns) { columns[old] = nil }
    columnKeys = columnKeys.suffix(Self.mostColumns)
    guard var run = columns[key] else {
      let run = try guardian.run {
        try reader.read(tensors: tensors, sums: [sum], checksRows: reader.steps.count < Self.fewRows)
      }
      if reader.steps.count < Self.fewRows { checkedRows = reader.steps.count }
      columns[key] = run
      return run
    }
    if let last = run.steps.last, let newest = reader.steps.last, newest > last {
      let added = try guardian.run {
        try reader.read(tensors: tensors, window: last + 1..<Int.max, sums: [sum])
      }
      columns[key] = nil
      run.append(added)
    }
    run.status = reader.status.value
    columns[key] = run
    return run
  }

  /// Runs of fewer rows are compared with their checksums before anything of them is shown.
  private static let fewRows = 5000

  /// Compares some more rows with their checksums; returns whether there was something left to do.
  func check(_ guardian: ReadGuard, rows: Int) -> Bool {
    guard let reader, !columns.isEmpty, checkedRows < reader.steps.count else { return false }
    let end = min(reader.steps.count, checkedRows + rows)
    let window = reader.steps[checkedRows]..<reader.steps[end - 1] + 1
    let isDamaged = guardian.run { reader.findDamage(in: window) }
    checkedRows = end
    if isDamaged {
      columns = [:]
      remarks = words(of: reader)
      version += 1
    }
    return true
  }

  /// The snapshots of its scales.
  func snapshots(_ guardian: ReadGuard) throws -> [ScaleSnapshot] {
    guard let reader else { return [] }
    return try guardian.run { try reader.scaleSnapshots() }
  }

  /// Reads tensors over a window, once.
  func gradients(
    _ tensors: [String], _ window: StepWindow, _ guardian: ReadGuard
  ) throws -> RecordedRun? {
    guard let reader else { return nil }
    let known = tensors.filter(reader.manifest.gradients.tensorNames.contains)
    return try guardian.run {
      try reader.read(tensors: known, window: window.lower..<(window.upper ?? .max), checksRows: false)
    }
  }

  /// Numbers read of it that are kept.
  var keptNumbers: Int {
    columns.values.reduce(0) { sum, run in
      sum + run.steps.count * (8 + run.gradients.values.reduce(0) { $0 + $1.layerCount })
    }
  }

  /// Lets go of what was read, but not of the file.
  func forgetColumns() { columns = [:] }
}
