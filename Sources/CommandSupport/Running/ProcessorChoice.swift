import CommandOptions
import Foundation
import Glibc
import Kernels
import Text

/// Fits the program to the processor before anything is computed.
package enum ProcessorChoice {
  private static let variable = "OPENBLAS_CORETYPE"

  /// Starts the program anew with OpenBLAS's kernels for this processor where it would not choose them by itself.
  ///
  /// OpenBLAS reads the variable when it is loaded, so it must be there before the program starts. A user who has set it keeps the
  /// choice.
  package static func apply() throws {
    try KernelChoice.apply()
    if let feature = Processor.missingFeature {
      throw CommandError.failed(
        "this program's kernels (\(Processor.kernelSet)) are for processors with \(feature), which this one lacks; "
          + KernelChoice.advice)
    }
    if ProcessInfo.processInfo.environment[variable] == nil, let kernels = Processor.betterMatrixKernels {
      unsafe setenv(variable, kernels, 1)
      // Comes back only where it fails; then the slower kernels compute the same.
      startAnew()
      unsafe unsetenv(variable)
    }
    if try FloatLibrary.current() == .openblas { FloatProducts.keepToOpenBLAS() }
  }

  /// Starts the program anew, for what is read from the environment before it begins. Comes back only where that fails.
  package static func startAnew() {
    let arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) } + [nil]
    unsafe execv("/proc/self/exe", arguments)
  }

  /// What a user loses by the choice of kernels in the environment; nil where it costs nothing.
  package static var costOfChoice: String? {
    guard let choice = ProcessInfo.processInfo.environment[variable],
      let better = Processor.betterMatrixKernels,
      // OpenBLAS may be built without the better ones; then it was asked for them, and there is nothing to choose.
      choice.lowercased() != better.lowercased()
    else { return nil }
    return
      "\(variable)=\(printable(choice)) in the environment: matrix products run with \(MatrixLibrary.kernelName) kernels, "
      + "up to twice as slow as the \(better) kernels that this processor can use; `unset \(variable)` chooses those"
  }
}

/// Says once, when runs become long, that the kernels asked for make them longer.
package final class KernelNotice {
  /// Floating-point operations that count as long: a minute or more on most machines.
  private static let long = 1e13

  private var operations = 0.0
  private var isSaid = false

  /// A run of so many operations begins.
  package func begin(_ operations: Double, warn: (String) -> Void) {
    self.operations += operations
    guard !isSaid, self.operations >= Self.long, let cost = ProcessorChoice.costOfChoice else { return }
    isSaid = true
    warn(cost)
  }
}
