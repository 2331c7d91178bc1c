import Architecture
import RunData
import Testing
import Transformer

/// Sizes against the paper's, and names against fairseq's.
@Suite struct ParameterTableTests {
  private func count(_ layers: Int, _ dim: Int, _ heads: Int, _ additions: Additions = .none) -> Double {
    let configuration = ModelConfiguration(
      layerCount: layers, modelDim: dim, headCount: heads, vocabularySize: 51_200, placement: .preLN,
      additions: additions)
    return Double(ParameterTable(configuration).elementCount) / 1e6
  }

  /// Table 2 of the paper, in millions, and arXiv v2's 2.7B.
  @Test func parameterCountsAreThePapers() {
    #expect(abs(count(12, 768, 12) - 124.378) < 0.001)
    #expect(abs(count(24, 1024, 16) - 354.740) < 0.001)
    #expect(abs(count(24, 2048, 32) - 1313.460) < 0.001)
    #expect(abs(count(32, 2560, 32) - 2648.724) < 0.001)
    #expect(abs(count(24, 1024, 16, .normFormer) - 355.011) < 0.001)
    #expect(abs(count(12, 768, 12, .normFormer) - 124.479) < 0.001)
  }

  @Test func namesAreFairseqs() {
    let configuration = ModelConfiguration(
      layerCount: 1, modelDim: 8, headCount: 2, vocabularySize: 11, placement: .preLN, additions: .normFormer)
    let names = ParameterTable(configuration).parameters.map(\.fullName)
    #expect(
      Set(names) == [
        "decoder.embed_tokens.weight", "decoder.layer_norm.weight", "decoder.layer_norm.bias",
        "decoder.layers.0.self_attn_layer_norm.weight", "decoder.layers.0.self_attn_layer_norm.bias",
        "decoder.layers.0.self_attn.q_proj.weight", "decoder.layers.0.self_attn.q_proj.bias",
        "decoder.layers.0.self_attn.k_proj.weight", "decoder.layers.0.self_attn.k_proj.bias",
        "decoder.layers.0.self_attn.v_proj.weight", "decoder.layers.0.self_attn.v_proj.bias",
        "decoder.layers.0.c_attn", "decoder.layers.0.self_attn.out_proj.weight",
        "decoder.layers.0.self_attn.out_proj.bias", "decoder.layers.0.attn_ln.weight",
        "decoder.layers.0.attn_ln.bias", "decoder.layers.0.final_layer_norm.weight",
        "decoder.layers.0.final_layer_norm.bias", "decoder.layers.0.fc1.weight", "decoder.layers.0.fc1.bias",
        "decoder.layers.0.ffn_layernorm.weight", "decoder.layers.0.ffn_layernorm.bias",
        "decoder.layers.0.fc2.weight", "decoder.layers.0.fc2.bias", "decoder.layers.0.w_resid",
      ])
    #expect(names.count == Set(names).count)
  }

  @Test func postLNHasNoNormAfterTheStack() {
    let configuration = ModelConfiguration(
      layerCount: 1, modelDim: 8, headCount: 2, vocabularySize: 11, placement: .postLN)
    #expect(
      !ParameterTable(configuration).parameters.contains { $0.fullName.hasPrefix("decoder.layer_norm") })
  }
}
