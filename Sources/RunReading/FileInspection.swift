import Checkpoints
import Documents
import RunData
import RunFile

/// Looks through a run file or a checkpoint.
public struct FileInspection {
  private let reading: GuardedReading

  /// Looks at files through `reading`.
  public init(reading: GuardedReading) { self.reading = reading }

  /// What there is to say of a file; what cannot be read is a finding, too.
  public func inspect(_ path: String) -> VerificationReport {
    var report = VerificationReport(file: path)
    do {
      if Self.isCheckpoint(path) {
        try inspectCheckpoint(path, &report)
      } else {
        try inspectRun(path, &report)
      }
    } catch {
      let text = "\(error)"
      report.add(
        "file", .unreadable, String(text.hasPrefix("\(path): ") ? text.dropFirst(path.count + 2) : text[...]))
    }
    return report
  }

  /// By its content: everything that is no HDF5 file is looked at as a checkpoint, unless it is called a run file.
  public static func isCheckpoint(_ path: String) -> Bool {
    !path.hasSuffix(".h5") && !RunFileReader.isHDF5(path)
  }

  // MARK: - Checkpoints

  private func inspectCheckpoint(_ path: String, _ report: inout VerificationReport) throws {
    let checkpoint = try Checkpoint(path: path)
    let elements = checkpoint.tensors.reduce(0) { $0 + $1.elementCount }
    try checkpoint.checkHeader()
    report.add(
      "header", .whole, count: checkpoint.tensors.count,
      "a checkpoint, \(checkpoint.format.rawValue): \(checkpoint.tensors.count) tensors of \(elements) elements, none"
        + " missing or cut off")
    guard checkpoint.hasChecksums else {
      return report.add("data", .unchecked, "the file keeps no checksums of its data")
    }
    let damaged = try checkpoint.damagedTensors()
    guard !damaged.isEmpty else { return report.add("data", .whole, "the checksums agree") }
    let names = damaged.prefix(8).joined(separator: ", ") + (damaged.count > 8 ? ", …" : "")
    report.add("data", .damaged, count: damaged.count, "tensors whose bytes have another checksum: \(names)")
  }

  // MARK: - Run files

  private func inspectRun(_ path: String, _ report: inout VerificationReport) throws {
    let reader = try reading.open(path, warns: false)
    let result = try reading.verify(reader)
    report.add("file", state(of: reader), closing(of: reader))
    report.add(
      "manifest", result.isManifestIntact ? .whole : .damaged,
      result.isManifestIntact
        ? "attributes and coordinates" : "attributes or coordinates are not as they were written")
    for table in result.tables {
      add(table, of: reader, to: &report)
      if table.name == "step" { try addSegments(reader, to: &report) }
    }
  }

  private func state(of reader: RunFileReader) -> VerificationReport.State {
    switch reader.state {
    case .closed: .whole
    case .growing: .growing
    case .killed: .open
    }
  }

  private func closing(of reader: RunFileReader) -> String {
    switch reader.state {
    case .closed where reader.status.value == .running:
      "closed by `nf-probe recover`; the run was stopped before its end"
    case .closed: "closed; the run \(reader.status.value)"
    case .growing(let writer): "being written (\(writer))"
    case .killed:
      "not closed by its writer; `nf-probe recover` makes other programs open it plainly"
    }
  }

  private func add(
    _ table: RunFileVerification.Table, of reader: RunFileReader, to report: inout VerificationReport
  ) {
    let damaged = Set(table.damagedRows)
    let sound = table.keys.indices.filter { !damaged.contains($0) }.map { table.keys[$0] }
    let ranges = NumberRanges(sound)
    let isStep = table.name == "step"
    report.add(table.name, .whole, count: sound.count, sound.isEmpty ? "none" : ranges.text())
    if isStep, let stride = ranges.stride {
      // The last step of a thinned run lies off its stride.
      let isThinned = reader.manifest.packing?.isThinned == true
      for (before, after) in zip(ranges.stretches, ranges.stretches.dropFirst()).prefix(20)
      where table.damagedRows.isEmpty && !(isThinned && after.first - before.last <= stride) {
        report.add(
          table.name, .gap, count: max(0, (after.first - before.last) / stride - 1),
          "nothing between \(before.last) and \(after.first)")
      }
    }
    if !damaged.isEmpty {
      let keys = NumberRanges(table.damagedRows.map { table.keys[$0] }, stride: ranges.stride).text()
      let rows = NumberRanges(table.damagedRows, stride: 1).text()
      report.add(
        table.name, .damaged, count: damaged.count,
        "\(table.name) \(keys): the checksum is wrong or the row cannot be read (rows \(rows) of the file)")
    }
    guard table.unfinishedRows > 0 else { return }
    let (state, detail): (VerificationReport.State, String) =
      if reader.isFinished {
        (.damaged, "some variables have more rows than \(table.name), and none were being written")
      } else if case .growing = reader.state {
        (.unfinished, "being written")
      } else {
        (.unfinished, "rows that the writer had begun; they were never part of the run")
      }
    report.add(table.name, state, count: table.unfinishedRows, detail)
  }

  /// The attempts that made the run, where there was more than one.
  private func addSegments(_ reader: RunFileReader, to report: inout VerificationReport) throws {
    let run = try reading.read(reader, tensors: [], warns: false)
    let attempts = Dictionary(grouping: zip(run.segments, run.steps), by: \.0).sorted { $0.key < $1.key }
    guard attempts.count > 1 else { return }
    for (segment, rows) in attempts {
      report.add(
        "segment \(segment)", .whole, count: rows.count, "steps \(NumberRanges(rows.map(\.1)).text())")
    }
  }
}
