import CProcessor

/// The processor that this program runs on, against the one that it was compiled for.
public enum Processor {
  /// The first instruction set that this program was compiled for and this processor lacks, e.g. `avx512f`; nil where all is well.
  ///
  /// To be asked before any kernel runs: an illegal instruction ends the process without a word.
  public static var missingFeature: String? {
    unsafe nf_probe_missing_feature().map { unsafe String(cString: $0) }
  }

  /// The instructions that the kernels in use were compiled for, as a level of the processor's architecture, e.g. `x86-64-v3`. Those
  /// compiled for one processor (`-march=native`) are of the highest level that it has whole.
  public static var kernelSet: String { unsafe String(cString: nf_probe_kernel_set()) }

  /// The kernels that OpenBLAS should use here and does not: releases that do not know a processor, and users who ask for others, get
  /// kernels for AVX2 or less, half as fast as the AVX-512 ones that it could run.
  public static var betterMatrixKernels: String? {
    betterMatrixKernels(
      than: MatrixLibrary.kernelName, hasAVX2: nf_probe_has_avx2() != 0,
      hasAVX512: nf_probe_has_avx512() != 0)
  }

  /// The kernels that a processor with these instructions runs faster than those of `family`, a name of OpenBLAS's.
  static func betterMatrixKernels(than family: String, hasAVX2: Bool, hasAVX512: Bool) -> String? {
    let isForAVX2 = ["Haswell", "Zen"].contains(family)
    let isForLess = [
      "Sandybridge", "Nehalem", "Prescott", "Core2", "Penryn", "Dunnington", "Atom", "Nano", "Barcelona",
      "Bobcat", "Opteron", "Opteron_SSE3",
    ].contains(family)
    if hasAVX512 { return isForAVX2 || isForLess ? "SkylakeX" : nil }
    return hasAVX2 && isForLess ? "Haswell" : nil
  }

  /// Processors that this process may run on (`taskset`, cpusets); nil where the system does not say.
  public static var allowedCount: Int? {
    let count = Int(nf_probe_allowed_processors())
    return count > 0 ? count : nil
  }
}
