import Foundation
import Glibc
import Kernels

/// Fits the program to the processor before anything is computed.
enum ProcessorChoice {
  private static let variable = "OPENBLAS_CORETYPE"

  /// Starts the program anew with OpenBLAS's kernels for this processor where it would not choose them by itself.
  ///
  /// OpenBLAS reads the variable when it is loaded, so it must be there before the program starts. A user who has set it keeps the
  /// choice.
  static func apply() throws {
    if let feature = Processor.missingFeature {
      throw CommandError.failed(
        "this program was built for processors with \(feature), which this one lacks; build it here, or with "
          + "NF_PROBE_MARCH=x86-64-v3 (or x86-64) in the environment")
    }
    guard ProcessInfo.processInfo.environment[variable] == nil, let kernels = Processor.betterMatrixKernels
    else { return }
    unsafe setenv(variable, kernels, 1)
    // Comes back only where it fails; then the slower kernels compute the same.
    let arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) } + [nil]
    unsafe execv("/proc/self/exe", arguments)
    unsafe unsetenv(variable)
  }
}
