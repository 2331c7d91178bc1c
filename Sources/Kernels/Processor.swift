import CProcessor

/// The processor that this program runs on, against the one that it was compiled for.
public enum Processor {
  /// The first instruction set that this program was compiled for and this processor lacks, e.g. `avx512f`; nil where all is well.
  ///
  /// To be asked before any kernel runs: an illegal instruction ends the process without a word.
  public static var missingFeature: String? {
    unsafe nf_probe_missing_feature().map { unsafe String(cString: $0) }
  }

  /// The kernels that OpenBLAS should use here and does not: releases that do not know a processor fall back to AVX2 kernels,
  /// half as fast as the AVX-512 ones that it could run.
  public static var betterMatrixKernels: String? {
    let isFallback = ["Haswell", "Zen", "Prescott", "Nehalem", "Sandybridge"].contains(
      MatrixLibrary.kernelName)
    return isFallback && nf_probe_has_avx512() != 0 ? "SkylakeX" : nil
  }

  /// Processors that this process may run on (`taskset`, cpusets); nil where the system does not say.
  public static var allowedCount: Int? {
    let count = Int(nf_probe_allowed_processors())
    return count > 0 ? count : nil
  }
}
