import Foundation

/// What the control groups of this process allow: containers and batch systems limit processors and memory with them.
///
/// Both versions are read. A limit may stand on any group from the process's own up to the root; the tightest counts. In a
/// container the root that is seen is often the container's own group.
struct ControlGroup {
  /// Whole processors, rounded up; nil where there is no limit.
  let processors: Int?
  /// Bytes of memory; nil where there is no limit.
  let memoryBytes: Double?

  /// Reads the limits.
  ///
  /// - Parameter root: where `/proc` and `/sys` lie; elsewhere than at `/` in tests.
  init(root: String = "") {
    let lines = Self.words(root + "/proc/self/cgroup", separator: "\n")
    var processors: [Double] = []
    var memory: [Double] = []
    for line in lines {
      // `hierarchy:controllers:path`; version 2 has the hierarchy 0 and no controllers.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",").map(String.init)
      if controllers.isEmpty {
        for folder in Self.folders(root + "/sys/fs/cgroup", parts[2]) {
          processors.append(Self.quota(Self.words("\(folder)/cpu.max", separator: " ")))
          memory.append(Self.number("\(folder)/memory.max"))
        }
      }
      if controllers.contains("cpu") {
        for folder in Self.folders(root + "/sys/fs/cgroup/\(parts[1])", parts[2])
          + Self.folders(root + "/sys/fs/cgroup/cpu", parts[2])
        {
          processors.append(
            Self.number("\(folder)/cpu.cfs_quota_us") / Self.number("\(folder)/cpu.cfs_period_us"))
        }
      }
      if controllers.contains("memory") {
        for folder in Self.folders(root + "/sys/fs/cgroup/memory", parts[2]) {
          memory.append(Self.number("\(folder)/memory.limit_in_bytes"))
        }
      }
    }
    self.processors = processors.filter { $0 > 0 && $0 < 1e6 }.min().map { max(1, Int($0.rounded(.up))) }
    // Version 1 says "no limit" by a number near 2^63.
    memoryBytes = memory.filter { $0 > 0 && $0 < 1e18 }.min()
  }

  /// A group's folder and those of all groups above it.
  private static func folders(_ mount: String, _ path: String) -> [String] {
    let names = path.split(separator: "/").map(String.init)
    return (0...names.count).map { count in ([mount] + names.prefix(count)).joined(separator: "/") }
  }

  /// Version 2's `quota period` in microseconds; not a number for `max`.
  private static func quota(_ words: [String]) -> Double {
    guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]) else { return .nan }
    return quota / period
  }

  private static func number(_ path: String) -> Double {
    words(path, separator: " ").first.flatMap(Double.init) ?? .nan
  }

  private static func words(_ path: String, separator: Character) -> [String] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
    return text.split { $0 == separator || $0 == "\n" }.map(String.init)
  }
}
