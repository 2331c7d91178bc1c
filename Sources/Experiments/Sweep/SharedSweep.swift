import FileAccess
import Foundation
import RunFile

/// The folder of a sweep that several processes fill: whoever comes first decides the plan, and the others follow it.
package enum SharedSweep {
  /// Joins the sweep in a folder that can be written to, or begins it.
  ///
  /// - Parameters:
  ///   - file: what the sweep is to be.
  ///   - path: the folder.
  ///   - seedCount: seeds from 0 on instead of the file's.
  ///   - decide: plans it; called where the folder holds no plan yet.
  ///   - begun: called with the plan where this process was the one that began.
  /// - Throws: where the folder holds another sweep, or other things.
  package static func plan(
    of file: SweepFile, in path: String, seedCount: Int?, decide: () throws -> SweepPlan,
    begun: (SweepPlan) throws -> Void
  ) throws -> SweepPlan {
    if !SweepPlan.exists(in: path) {
      try refuseOthers(path)
      let own = try decide()
      // Of several that begin in the same instant, one writes the plan.
      if try own.begin(in: path) { try begun(own) }
    }
    let plan = try SweepPlan(folder: path)
    let seeds = seedCount.map { (0..<UInt64($0)).map { $0 } } ?? file.seeds
    // Seeds that were added until claims were decided are nobody's question.
    guard plan.isOf(file), plan.wholeSeeds == seeds else {
      throw ExperimentError.refused(
        "\(setting: "out") \(path) holds another sweep than this file's; processes that share a folder share a file and its seeds"
      )
    }
    return plan
  }

  /// Changes the plan that a folder has at this moment; other processes wait for as long.
  ///
  /// - Returns: the plan as it is from then on.
  static func change(in folder: String, _ change: (inout SweepPlan) -> Void) throws -> SweepPlan {
    let start = ContinuousClock.now
    while start.duration(to: .now) < .seconds(30) {
      guard let claim = try RunClaim(run: SweepPlan.path(in: folder), holder: SweepShard.holder) else {
        Thread.sleep(forTimeInterval: 0.02)
        continue
      }
      return try withExtendedLifetime(claim) {
        var plan = try SweepPlan(folder: folder)
        change(&plan)
        try plan.write(into: folder)
        return plan
      }
    }
    throw ExperimentError.failed(
      "\(SweepPlan.path(in: folder)) has been held by another process for 30 s; is one of them stopped?")
  }

  /// A folder with anything but what a sweep begins with.
  private static func refuseOthers(_ path: String) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let others = names.filter { $0.wholeMatch(of: /(plan|command)\.json.*|(sweep|recipe)\.yaml.*/) == nil }
    guard others.isEmpty else {
      throw ExperimentError.refused(
        "\(setting: "out") \(path) exists and holds \(others.count) files that are no sweep's; name another folder"
      )
    }
  }
}
