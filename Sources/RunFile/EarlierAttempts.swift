import HDF5
import RunData

/// What a run's file holds before another attempt goes on with it.
struct EarlierAttempts {
  let schema: RunSchema
  let steps: RecordedRows
  let snapshots: RecordedRows
  let validations: RecordedRows
  let noises: RecordedRows
  let evaluations: RecordedRows
  let eventCount: Int
  let segmentCount: Int

  /// Reads the file; the caller holds its lock.
  /// - Throws: ``RunFileError``, also where the file is another run's, was not closed, or is damaged.
  init(path: String, manifest: RunManifest) throws {
    let reader = try RunFileReader(path: path)
    guard reader.isOpenedPlainly else {
      throw RunFileError(
        .damaged, path: path, "was not closed by its writer; `nf-probe recover` makes it whole")
    }
    guard reader.manifest.packing == nil else {
      throw RunFileError(
        .mismatch, path: path,
        "is packed, and nothing can be added to it; a run goes on with the file as it was made")
    }
    let verification = try reader.verify()
    guard verification.isIntact, verification.tables.allSatisfy({ $0.unfinishedRows == 0 }) else {
      throw RunFileError(
        .damaged, path: path, "is damaged; a run cannot go on with it (see `nf-probe verify`)")
    }
    let stored = reader.manifest
    guard stored.runID == manifest.runID, stored.gradients == manifest.gradients,
      stored.scales == manifest.scales, stored.operationNames == manifest.operationNames,
      stored.stemOperationNames == manifest.stemOperationNames, stored.hasLossScale == manifest.hasLossScale,
      // A file of before weights, moments of outputs, or gradients by sequence were recorded goes on without them.
      !stored.hasWeights || manifest.hasWeights, !stored.hasUpdates || manifest.hasUpdates,
      !stored.hasOutputMoments || manifest.hasOutputMoments,
      !stored.hasExampleNorms || manifest.hasExampleNorms, stored.hasNoise == manifest.hasNoise,
      stored.evaluations == manifest.evaluations
    else {
      throw RunFileError(
        .mismatch, path: path,
        "belongs to run \(stored.runID), not to \(manifest.runID): settings, seed or corpus differ")
    }
    schema = reader.schema
    steps = try reader.stepTable.recordedRows()
    snapshots = try reader.snapshotTable?.recordedRows() ?? .none
    validations = try reader.validationTable.recordedRows()
    noises = try reader.noiseTable?.recordedRows() ?? .none
    evaluations = try reader.evaluationTable?.recordedRows() ?? .none
    eventCount = reader.eventTable.keys.count
    segmentCount = try reader.segmentCount()
  }
}

/// One attempt at a run.
public struct RunAttempt: Equatable, Sendable {
  /// Counted from 0; steps carry it as their `segment`.
  public var segment: Int
  /// The step that it went on with: 0, or that of a checkpoint.
  public var firstStep: Int
  /// When it began, in seconds since 1970.
  public var startTime: Double
  /// How it ended; `running` while it goes on, or where it was killed.
  public var end: RunStatus
  /// Program, matrix products, threads and processor.
  public var machine: String
}

extension RunFileReader {
  /// The attempts that made the run; empty for a file of a program that did not record them.
  ///
  /// - Throws: ``RunFileError``.
  public func attempts() throws -> [RunAttempt] {
    let names = ["event_segment", "event_step", "status", "status_time", "event_machine"]
    let columns = names.compactMap { eventTable.column($0) }
    guard columns.count == names.count else { return [] }
    return try reading {
      var attempts: [RunAttempt] = []
      for row in soundStretches(of: eventTable, in: eventTable.keys.indices).joined() {
        for column in columns { try column.load(row..<row + 1) }
        let segment = columns[0].integers[0]
        let status = RunStatus(rawValue: columns[2].integers[0]) ?? .running
        if attempts.last?.segment == segment {
          attempts[attempts.count - 1].end = status
        } else {
          attempts.append(
            RunAttempt(
              segment: segment, firstStep: columns[1].integers[0], startTime: columns[3].reals[0],
              end: status, machine: columns[4].texts[0]))
        }
      }
      return attempts
    }
  }

  /// How many attempts recorded something.
  func segmentCount() throws -> Int {
    let ofSteps = try stepTable.lastInteger("segment") ?? 0
    return max(ofSteps, try eventTable.lastInteger("event_segment") ?? 0) + 1
  }
}

extension TableReader {
  /// The last row's value in a column of integers.
  fileprivate func lastInteger(_ name: String) throws -> Int? {
    guard let column = column(name), let row = keys.indices.last else { return nil }
    try column.load(row..<row + 1)
    return column.integers.first
  }
}
