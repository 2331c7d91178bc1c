import Analysis
import Checkpoints
import Testing

@testable import Comparison

@Suite struct LabelTests {
  /// The labels of tensors that no table knows.
  private func labels(_ names: [String]) throws -> [TensorLabel] {
    let checkpoint = Checkpoint(
      path: "memory", format: .safetensors, values: names.map { ($0, [1], [1]) })
    return try ComparisonSide(title: "A", checkpoint: checkpoint).tensors.map(\.label)
  }

  @Test func ownNamesAreCutAtTheNumberOfTheRepeatedBlock() throws {
    let label = try labels(["model.blocks.12.mlp.2.weight", "model.blocks.3.mlp.2.weight"])[0]
    #expect((label.stack, label.layer, label.operation) == ("model.blocks", 12, "mlp.2.weight"))
    #expect(label.fullName == "model.blocks.12.mlp.2.weight" && !label.isPlace)
  }

  @Test(arguments: ["weight", "head.weight", "a.-1.b", "a.01.b", "", "."])
  func otherNamesHaveNoLayer(name: String) throws {
    let label = try labels([name, "blocks.0.x", "blocks.1.x"])[0]
    #expect(label.layer == nil && label.operation == name && label.fullName == name)
  }

  @Test func expertsAreOneOperation() throws {
    let names = (0..<2).flatMap { layer in (0..<3).map { "blocks.\(layer).moe.experts.\($0).w1" } }
    let labels = try labels(names)
    #expect(Set(labels.map(\.operation)) == ["moe.experts.w1"])
    #expect(labels.map(\.fullName) == names)
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
