import Foundation
import Testing

@testable import Experiments

/// Limits of control groups, read from files laid out as a kernel lays them out.
struct ControlGroupTests {
  /// A folder that stands for `/`, with these files.
  private func group(_ files: [String: String]) throws -> ControlGroup {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("nf-probe-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
      let file = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return ControlGroup(root: root.path)
  }

  @Test func versionTwoTakesTheTightestOfAllLevels() throws {
    let found = try group([
      "proc/self/cgroup": "0::/batch/job\n", "sys/fs/cgroup/batch/cpu.max": "150000 100000\n",
      "sys/fs/cgroup/batch/job/cpu.max": "max 100000\n",
      "sys/fs/cgroup/batch/memory.max": "8589934592\n", "sys/fs/cgroup/batch/job/memory.max": "1073741824\n",
    ])
    #expect(found.processors == 2 && found.memoryBytes == 1_073_741_824)
  }

  @Test func aContainerSeesItsOwnGroupAsTheRoot() throws {
    let found = try group([
      "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n",
      "sys/fs/cgroup/memory.max": "max\n",
    ])
    #expect(found.processors == 1 && found.memoryBytes == nil)
  }

  @Test func versionOne() throws {
    let found = try group([
      "proc/self/cgroup": "4:cpu,cpuacct:/docker/a\n3:memory:/docker/a\n1:name=systemd:/\n",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us": "300000\n",
      "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes": "2147483648\n",
    ])
    #expect(found.processors == 3 && found.memoryBytes == 2_147_483_648)
  }

  @Test func noLimitsAndNoGroups() throws {
    #expect(try group([:]).processors == nil)
    let found = try group([
      "proc/self/cgroup": "0::/\nnonsense\n", "sys/fs/cgroup/cpu.max": "max 100000\n",
      "sys/fs/cgroup/memory.max": "what\n",
    ])
    #expect(found.processors == nil && found.memoryBytes == nil)
  }
}
