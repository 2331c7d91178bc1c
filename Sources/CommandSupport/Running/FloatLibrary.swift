import CommandOptions
import FoundationEssentials
import Kernels
import Text

/// Whose products of float32 a user wants.
enum FloatLibrary: String, CaseIterable {
  case openblas
  /// On processors with AVX-512, where it is installed.
  case onednn

  private static let variable = "NF_PROBE_FP32"

  /// What `NF_PROBE_FP32` asks for; else OpenBLAS where the environment keeps it from its kernels for this processor, for that is a choice,
  /// too; nil where no one has chosen.
  static func current() throws -> FloatLibrary? {
    guard let word = ProcessInfo.processInfo.environment[variable], !word.isEmpty else {
      return Processor.betterMatrixKernels == nil ? nil : .openblas
    }
    guard let choice = FloatLibrary(rawValue: word) else {
      let words = allCases.map(\.rawValue).joined(separator: " or ")
      throw CommandError.failed("\(variable) must be \(words), not \(printable(word))")
    }
    guard choice == .openblas || FloatProducts.areInOneDNN else {
      throw CommandError.failed(
        "\(variable)=onednn: that takes oneDNN (Debian's libdnnl, version 2 or 3) and a processor with AVX-512"
      )
    }
    return choice
  }
}
