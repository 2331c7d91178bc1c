import Architecture
import Foundation
import Kernels
import Text

/// How products of bf16 are computed: by the processor's own instructions for them where they are faster, else from rounded numbers in float32.
package enum ProductChoice: String, CaseIterable {
  /// Factors of 16 bits, multiplied natively.
  case native
  /// Factors rounded to 16 bits, multiplied in float32.
  case rounded

  private static let variable = "NF_PROBE_BF16"

  /// What `NF_PROBE_BF16` asks for, else the best that there is.
  ///
  /// - Throws: ``ExperimentError`` where it asks for what is not there.
  package static func current() throws -> ProductChoice {
    let best: ProductChoice = NativeProducts.areFaster ? .native : .rounded
    guard let word = ProcessInfo.processInfo.environment[variable], !word.isEmpty else { return best }
    guard let choice = ProductChoice(rawValue: word) else {
      let words = allCases.map(\.rawValue).joined(separator: " or ")
      throw ExperimentError.failed("\(variable) must be \(words), not \(printable(word))")
    }
    guard choice == .rounded || NativeProducts.areAvailable else {
      throw ExperimentError.failed(
        "\(variable)=native: that takes oneDNN (Debian's libdnnl, version 2 or 3) and a processor with AVX512-BF16 or AMX"
      )
    }
    return choice
  }
}

extension ModelConfiguration {
  /// What computes the products, e.g. `OpenBLAS 0.3.21 SkylakeX, fp32 by oneDNN 2.6.3` or `OpenBLAS 0.3.21 SkylakeX, bf16 by oneDNN 2.6.3
  /// AVX512-BF16`.
  package var productLibrary: String {
    if precision == .bf16, hasNativeProducts, let native = NativeProducts.description {
      return MatrixLibrary.description + ", bf16 by \(native)"
    }
    let float32 = FloatProducts.description.map { ", fp32 by \($0)" } ?? ""
    return MatrixLibrary.description + float32 + (precision == .bf16 ? ", bf16 by rounding" : "")
  }
}
