import CommandOptions
import FoundationEssentials
import Glibc
import Kernels
import Text

/// Which of the kernel sets computes.
///
/// A distributed program has its kernels several times, as libraries compiled for processors with fewer and more instructions, and the
/// system's loader takes the best that the processor can run before the program starts. A program built for one machine has one set.
package enum KernelChoice {
  private static let variable = "NF_PROBE_KERNELS"
  private static let searchPath = "LD_LIBRARY_PATH"
  private static let library = "libnf-probe-kernels.so"

  private static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// Where a distributed program keeps its libraries: those that the loader chooses from in `glibc-hwcaps`, the plainest beside it.
  private static let folders: [String] = {
    let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let prefix = program.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
    return ["", "/glibc-hwcaps"].map { prefix + "/libexec/nf-probe" + $0 }
  }()

  /// The sets that this program has, by name.
  package static var available: [String] {
    let found = folders.flatMap { folder in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      return names.filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)/\(library)") }
    }
    return found.isEmpty ? [Processor.kernelSet] : found.sorted()
  }

  /// What to do where the processor lacks what the kernels need.
  package static var advice: String {
    if environment[variable]?.isEmpty == false {
      return "unset \(variable), and those for this processor are used"
    }
    return "build it here, or with NF_PROBE_MARCH=x86-64-v3 (or x86-64) in the environment"
  }

  /// Starts the program anew with the kernels that `NF_PROBE_KERNELS` names, where it has others.
  ///
  /// - Throws: `CommandError` where the program does not have them.
  package static func apply() throws {
    guard let wanted = environment[variable], !wanted.isEmpty, wanted != Processor.kernelSet else { return }
    let folder = folders.map { "\($0)/\(wanted)" }.first {
      !wanted.contains("/") && FileManager.default.fileExists(atPath: "\($0)/\(library)")
    }
    let path = environment[searchPath] ?? ""
    // Already first in the loader's path, and yet not in use: starting anew would start anew without end.
    guard let folder, !path.hasPrefix(folder) else {
      throw CommandError.failed(
        "\(variable)=\(printable(wanted)): this program has the kernels \(available.joined(separator: ", "))")
    }
    unsafe setenv(searchPath, path.isEmpty ? folder : "\(folder):\(path)", 1)
    ProcessorChoice.startAnew()
    throw CommandError.failed("\(variable)=\(printable(wanted)): the program cannot be started anew")
  }
}
