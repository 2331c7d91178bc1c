import Architecture
import BuildInfo
import Foundation
import Glibc
import Kernels
import RunData

/// The machine that this process runs on.
package enum Machine {
  /// What `OPENBLAS_NUM_THREADS` or `OMP_NUM_THREADS` say, else the processors that this process may use.
  package static var defaultThreadCount: Int {
    let environment = ProcessInfo.processInfo.environment
    for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"] {
      if let count = environment[name].flatMap(Int.init), count > 0 { return min(count, 1024) }
    }
    let allowed = ControlGroup().processors ?? .max
    return max(1, min(ProcessInfo.processInfo.activeProcessorCount, Processor.allowedCount ?? .max, allowed))
  }

  /// Bytes of memory that this process can have: the machine's, or less where a control group or `ulimit -v` limits it.
  package static var memoryBytes: Double {
    let physical = Double(ProcessInfo.processInfo.physicalMemory)
    return [ControlGroup().memoryBytes, addressSpaceBytes].compactMap(\.self).reduce(physical, min)
  }

  /// What `ulimit -v` allows; nil where it allows everything.
  private static var addressSpaceBytes: Double? {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(9), &limit) == 0 else { return nil }  // RLIMIT_AS
    return limit.rlim_cur == rlim_t.max ? nil : Double(limit.rlim_cur)
  }

  /// The most memory that this process has had resident, in bytes.
  package static var peakBytes: Int {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(0), &usage)  // RUSAGE_SELF
    return usage.ru_maxrss * 1024
  }

  /// The processor's own name.
  static var processorName: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
  }

  /// What a run file says of the program and the machine.
  package static func facts(threadCount: Int, model: ModelConfiguration) -> MachineFacts {
    MachineFacts(
      program: "nf-probe \(ProgramVersion.text), kernels \(Processor.kernelSet)", cpu: processorName,
      blas: model.productLibrary, threads: threadCount)
  }
}

/// Version and commit.
package enum ProgramVersion {
  /// The release.
  package static let number = "0.1.0"
  /// For `--version` and run files.
  package static var text: String { "\(number) (\(BuildInfo.summary))" }
}
