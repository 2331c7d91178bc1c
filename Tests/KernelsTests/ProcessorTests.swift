import Testing

@testable import Kernels

@Suite struct ProcessorTests {
  @Test(arguments: ["SkylakeX", "Cooperlake", "Sapphirerapids", "neoversen1"])
  func kernelsForAVX512AndOnesNotKnownHereStay(family: String) {
    #expect(Processor.betterMatrixKernels(than: family, hasAVX2: true, hasAVX512: true) == nil)
  }

  @Test(arguments: ["Haswell", "Zen", "Sandybridge", "Nehalem", "Prescott", "Core2", "Barcelona"])
  func aProcessorWithAVX512HasBetterOnes(family: String) {
    #expect(Processor.betterMatrixKernels(than: family, hasAVX2: true, hasAVX512: true) == "SkylakeX")
  }

  @Test func aProcessorWithAVX2HasBetterOnesThanThoseForLess() {
    #expect(Processor.betterMatrixKernels(than: "Nehalem", hasAVX2: true, hasAVX512: false) == "Haswell")
    #expect(Processor.betterMatrixKernels(than: "Zen", hasAVX2: true, hasAVX512: false) == nil)
    #expect(Processor.betterMatrixKernels(than: "Nehalem", hasAVX2: false, hasAVX512: false) == nil)
  }
}
