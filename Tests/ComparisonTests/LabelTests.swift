import Analysis
import Checkpoints
import Testing

@testable import Comparison

@Suite struct LabelTests {
  @Test func ownNamesAreCutAtTheFirstNumber() {
    let label = TensorLabel(ownName: "model.blocks.12.mlp.2.weight")
    #expect((label.stack, label.layer, label.operation) == ("model.blocks", 12, "mlp.2.weight"))
    #expect(label.fullName == "model.blocks.12.mlp.2.weight" && !label.isPlace)
  }

  @Test(arguments: ["weight", "head.weight", "alphas.3", "0.weight", "a.-1.b", "a.01.b", "", "."])
  func otherNamesHaveNoLayer(name: String) {
    let label = TensorLabel(ownName: name)
    #expect(label.layer == nil && label.operation == name && label.fullName == name)
  }

  @Test func placesKeepFairseqsNames() {
    let label = TensorLabel(TensorPlace(stack: .decoder, layer: 3, name: "fc2.weight"))
    #expect(label.fullName == "decoder.layers.3.fc2.weight" && label.isPlace)
  }

  @Test func gainsAreOneDimensionalNormsAndScales() {
    for name in [
      "attn_ln.weight", "self_attn_layer_norm.weight", "c_attn", "w_resid", "self_attn.c_attn", "ln_1.weight",
    ] {
      #expect(GainName.isGain(name, shape: [8]), "\(name)")
    }
    for name in ["fc1.weight", "attn_ln.bias", "norm.weight.extra"] {
      #expect(!GainName.isGain(name, shape: [8]), "\(name)")
    }
    // GPT-2's fused projection has the name of HeadScale's γ.
    #expect(!GainName.isGain("c_attn", shape: [8, 24]))
    #expect(GainName.title("ffn_layernorm.weight") == "α ffn_layernorm")
  }
}
