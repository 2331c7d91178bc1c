import FileAccess
import Foundation

/// The folder of a sweep that several processes fill: whoever comes first decides the plan, and the others follow it.
struct SharedSweep {
  let folder: OutputFolder
  let plan: SweepPlan

  /// Joins the sweep in a folder, or begins it.
  ///
  /// - Parameters:
  ///   - seedCount: seeds from 0 on instead of the file's.
  ///   - decide: plans it; called where the folder holds no plan yet.
  /// - Throws: a usage error where the folder holds another sweep, or other things.
  init(of file: SweepFile, in path: String, seedCount: Int?, decide: () throws -> SweepPlan) throws {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw CommandError.failed("the folder \(path) cannot be made: \(systemReason(of: error))")
    }
    folder = try OutputFolder(existing: path)
    if !SweepPlan.exists(in: path) {
      try Self.refuseOthers(path)
      let own = try decide()
      // Of several that begin in the same instant, one writes the plan.
      if try own.begin(in: folder) {
        try OutputFolder.write(file.text, to: folder.file("sweep.yaml"))
        try NFProbe.record(fixed: ["--threads=\(own.threads)"]).write(into: folder)
      }
    }
    plan = try SweepPlan(folder: path)
    let seeds = seedCount.map { (0..<UInt64($0)).map { $0 } } ?? file.seeds
    guard plan.isOf(file), plan.seeds == seeds else {
      throw CommandError.usage(
        "--out \(path) holds another sweep than this file's; processes that share a folder share a file and its seeds"
      )
    }
  }

  /// A folder with anything but what a sweep begins with.
  private static func refuseOthers(_ path: String) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let others = names.filter { $0.wholeMatch(of: /(plan|command)\.json.*|sweep\.yaml.*/) == nil }
    guard others.isEmpty else {
      throw CommandError.usage(
        "--out \(path) exists and holds \(others.count) files that are no sweep's; name another folder")
    }
  }
}
