import Testing

@testable import Architecture

@Suite struct WiringOutlineTests {
  /// Tensors that a box names: `self_attn.{q,k,v}_proj` are three, `fc_gate, fc1` two.
  private func tensors(_ box: WiringOutline.Box) -> [String] {
    box.name.split(separator: ", ").map(String.init).filter { !$0.isEmpty }.flatMap { name -> [String] in
      // A list in braces has commas of its own, without spaces.
      guard let open = name.firstIndex(of: "{"), let close = name.firstIndex(of: "}") else { return [name] }
      let (before, after) = (String(name[..<open]), String(name[name.index(after: close)...]))
      return name[name.index(after: open)..<close].split(separator: ",").map { before + String($0) + after }
    }
  }

  /// A picture shows what the engine has, under its names: no tensor is left out, none is made up.
  @Test(arguments: ArchitecturePreset.names) func boxesAreTheTensorsOfTheLayer(name: String) throws {
    let architecture = try #require(ArchitecturePreset.named(name))
    let configuration = ModelConfiguration(
      layerCount: 12, modelDim: 64, headCount: 4, vocabularySize: 32, positionCount: 16,
      architecture: architecture)
    let table = ParameterTable(configuration)
    let groups = architecture.outlines(layerCount: 12)
    #expect(groups.flatMap(\.layers).sorted() == Array(0..<12))
    for group in groups {
      for layer in group.layers {
        let stems = Set(
          table.plans[layer].parameters.map { parameter in
            ["weight", "bias", "alpha"].first { parameter.name.hasSuffix(".\($0)") }
              .map { String(parameter.name.dropLast($0.count + 1)) } ?? parameter.name
          })
        let boxes = group.outline.sublayers.flatMap { sublayer in
          sublayer.branches.flatMap { $0 } + [sublayer.residualScale, sublayer.outputNorm].compactMap { $0 }
        }
        #expect(Set(boxes.flatMap(tensors)) == stems)
      }
    }
    let stem = Set(table.stemIndices.map { table.parameters[$0].fullName })
    let drawn = (architecture.embeddingOutline + architecture.headOutline).flatMap(tensors)
    for name in drawn { #expect(stem.contains { $0 == name || $0.hasPrefix("\(name).") }, "\(name)") }
    for name in stem { #expect(drawn.contains { name == $0 || name.hasPrefix("\($0).") }, "\(name)") }
  }

  @Test func sublayersStandAsTheEquationHasThem() throws {
    let b2t = try #require(ArchitecturePreset.named("b2t")).outlines(layerCount: 2)
    #expect(b2t.count == 1 && b2t[0].outline.sublayers.map(\.addsLayerInput) == [false, true])
    let parallel = try #require(ArchitecturePreset.named("parallel")).outlines(layerCount: 2)
    #expect(parallel[0].outline.sublayers.map(\.branches.count) == [2])
    let gemma = try #require(ArchitecturePreset.named("gemma3")).outlines(layerCount: 12)
    #expect(gemma.map(\.layers) == [[0, 1, 2, 3, 4, 6, 7, 8, 9, 10], [5, 11]])
    let normFormer = try #require(ArchitecturePreset.named("normformer")).outlines(layerCount: 1)[0].outline
    #expect(
      normFormer.sublayers[0].branches[0].map(\.name) == [
        "self_attn_layer_norm", "self_attn.{q,k,v}_proj", "", "c_attn", "self_attn.out_proj", "attn_ln",
      ])
    #expect(normFormer.sublayers[1].residualScale?.name == "w_resid")
  }
}
