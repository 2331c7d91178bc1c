import RunData
import RunFile
import RunFileTestSupport
import Testing

/// Stacks of layers beside the one in a file's grid.
@Suite struct StackTests {
  private func layout(stem: [String], layers: [String] = ["decoder.layers.0", "decoder.layers.1"])
    -> GradientLayout
  {
    GradientLayout(
      layerNames: layers, tensorNames: ["fc2.weight"], stemTensorNames: stem,
      elementCounts: layers.map { _ in 4 }, stemElementCounts: stem.indices.map { $0 + 1 },
      isZeroByConstruction: layers.map { _ in false },
      stemIsZeroByConstruction: stem.map { $0.hasSuffix("k_proj.bias") })
  }

  @Test func anEncoderLiesOutsideTheGrid() throws {
    let layout = layout(stem: [
      "shared.weight", "encoder.layers.0.fc1.weight", "encoder.layers.0.self_attn.k_proj.bias",
      "encoder.layers.2.fc1.weight", "head.weight",
    ])
    #expect(layout.stackName == "decoder")
    let encoder = try #require(layout.otherStacks.first)
    #expect(layout.otherStacks.count == 1 && encoder.name == "encoder")
    #expect(encoder.gradients.layerNames == ["encoder.layers.0", "encoder.layers.2"])
    #expect(encoder.gradients.tensorNames == ["fc1.weight", "self_attn.k_proj.bias"])
    #expect(encoder.stemIndices == [1, 2, 3, nil])
    #expect(encoder.gradients.elementCounts == [2, 3, 4, 0])
    #expect(encoder.gradients.isZeroByConstruction == [false, true, false, false])
    #expect(encoder.gradients.stemTensorNames == ["shared.weight", "head.weight"])
    #expect(encoder.gradients.stemElementCounts == [1, 5])
  }

  @Test func namesOfTheModelsOwn() {
    let layout = layout(
      stem: ["tower.blocks.0.fc1.weight", "tower.blocks.1.fc1.weight", "x.0.w", "layer1.0.a", "layer2.0.a"],
      layers: ["backbone.layers.0"])
    #expect(layout.stackName == "backbone.layers")
    #expect(layout.otherStacks.map(\.name) == ["tower.blocks", "layer"])
    #expect(layout.otherStacks[1].gradients.layerNames == ["layer.1", "layer.2"])
  }

  @Test func manyTensorsWithoutNumbersAreNoStack() {
    #expect(layout(stem: ["a.weight", "b.weight", "c.0.weight"]).otherStacks.isEmpty)
    #expect(layout(stem: [], layers: ["model.0"]).stackName == "model")
  }

  @Test(arguments: [
    ("blocks.3.experts.7.w1", "blocks", 3), ("net.0.layers.2.w", "net.0.layers", 2), ("2.w", "", 2),
  ])
  func theOuterNumberOfARepeatedBlockCounts(name: String, stack: String, layer: Int) throws {
    let other = name.replacing("\(layer).", with: "\(layer + 1).", maxReplacements: 1)
    let found = try #require(NumberedNames([name, other], hasLayers: false)[name])
    #expect((found.stack, found.layer) == (stack, layer))
  }
}
