import FileTestSupport
import RunData
import Testing

@testable import Checkpoints

/// Families of models that share names and differ in what they mean.
@Suite struct FamilyTests {
  /// A checkpoint in memory; every tensor counts from 1.
  private func view(
    _ tensors: [(String, [Int])], heads: Int? = nil
  ) throws(CheckpointError) -> ModelView {
    let metadata = heads.map { [CheckpointMetadataKey.headCount: String($0)] } ?? [:]
    return try ModelView(
      Checkpoint(
        path: "memory", format: .safetensors, metadata: metadata,
        values: tensors.map { name, shape in
          (name, shape, (0..<shape.reduce(1, *)).map { Float($0 + 1) })
        }))
  }

  private func floats(_ view: ModelView, _ name: String, expert: Int? = nil) throws -> [Float] {
    let place = TensorPlace(stack: .decoder, layer: 0, name: name, expert: expert)
    return try view.floats(of: #require(view[place], "\(name)"))
  }

  private static let neoX = [
    ("gpt_neox.layers.0.attention.query_key_value.weight", [12, 1]),
    ("gpt_neox.layers.0.attention.query_key_value.bias", [12]),
    ("gpt_neox.layers.0.attention.dense.weight", [1, 4]),
  ]

  @Test func queriesKeysAndValuesByHead() throws {
    let view = try view(Self.neoX, heads: 2)
    #expect(view.adapter?.name == "gpt-neox" && view.unknown.isEmpty)
    // Two heads of width 2: q0 q1 k0 k1 v0 v1, twice.
    #expect(try floats(view, "self_attn.q_proj.weight") == [1, 2, 7, 8])
    #expect(try floats(view, "self_attn.k_proj.bias") == [3, 4, 9, 10])
    #expect(try floats(view, "self_attn.v_proj.weight") == [5, 6, 11, 12])
    let key = try #require(view[TensorPlace(stack: .decoder, layer: 0, name: "self_attn.k_proj.weight")])
    #expect(key.shape == [4, 1] && key.part == .interleaved && key.part.isScattered)
    var window: [Double] = [0, 0, 0]
    try view.read(key, elements: 1..<4, into: &window)
    #expect(window == [4, 9, 10])
  }

  @Test func withoutTheNumberOfHeadsAFusedTensorStaysWhole() throws {
    let view = try view(Self.neoX)
    #expect(try floats(view, "self_attn.qkv_proj.bias") == (1...12).map(Float.init))
    #expect(view.notes.contains { $0.contains("is left whole") })
  }

  @Test func aConfigurationBesideTheFileTellsTheHeads() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    let tensors = Self.neoX.map { name, shape in
      OutputTensor(name, shape: shape, float: { (0..<shape.reduce(1, *)).map { Float($0 + 1) } })
    }
    try SafetensorsWriter.write(tensors, to: path)
    for (text, isKnown) in [
      (#"{"num_attention_heads": 2}"#, true), (#"{"text_config": {"n_head": 2}}"#, true), ("[", false),
      ("{}", false),
    ] {
      _ = try folder.write(text, to: "config.json")
      let view = try ModelView(Checkpoint(path: path))
      let query = TensorPlace(stack: .decoder, layer: 0, name: "self_attn.q_proj.weight")
      #expect((view[query] != nil) == isKnown, "\(text)")
    }
  }

  @Test func groupsOfHeadsShareKeysAndValues() throws {
    // Four heads of width 1 in two groups: q q k v, twice.
    let view = try view(
      [
        ("decoder.layers.0.self_attention.linear_qkv.weight", [8, 1]),
        ("decoder.layers.0.self_attention.linear_proj.weight", [1, 4]),
        ("decoder.layers.0.mlp.linear_fc1.weight", [6, 1]),
        ("decoder.layers.0.mlp.linear_fc2.weight", [1, 3]),
        ("decoder.layers.1.mlp.linear_fc1.weight", [3, 1]),
        ("decoder.layers.1.mlp.linear_fc2.weight", [1, 3]),
      ], heads: 4)
    #expect(view.adapter?.name == "megatron-core")
    #expect(try floats(view, "self_attn.q_proj.weight") == [1, 2, 5, 6])
    #expect(try floats(view, "self_attn.k_proj.weight") == [3, 7])
    #expect(try floats(view, "fc_gate.weight") == [1, 2, 3] && floats(view, "fc1.weight") == [4, 5, 6])
    // A plain FFN's first projection has no gate in it.
    #expect(view[TensorPlace(stack: .decoder, layer: 1, name: "fc1.weight")]?.shape == [3, 1])
  }

  @Test func queriesOfMoreHeadsThanKeysLieInBlocks() throws {
    let view = try view([
      ("model.layers.0.self_attn.qkv_proj.weight", [8, 1]),
      ("model.layers.0.self_attn.o_proj.weight", [1, 4]),
      ("model.layers.0.mlp.gate_up_proj.weight", [4, 1]), ("model.layers.0.mlp.down_proj.weight", [1, 2]),
    ])
    #expect(try floats(view, "self_attn.q_proj.weight") == [1, 2, 3, 4])
    #expect(try floats(view, "self_attn.v_proj.weight") == [7, 8])
    #expect(try floats(view, "fc_gate.weight") == [1, 2] && floats(view, "fc1.weight") == [3, 4])
  }

  private func norms(_ names: [String]) throws -> [String: String] {
    let view = try view(
      names.map { ("model.layers.0.\($0).weight", [2]) } + [("model.layers.0.mlp.down_proj.weight", [2, 3])])
    return Dictionary(
      uniqueKeysWithValues: view.tensors.map {
        (String($0.storedName.dropFirst("model.layers.0.".count)), $0.place.name)
      })
  }

  @Test func whatANormIsTheOthersTell() throws {
    let llama = try norms(["input_layernorm", "post_attention_layernorm"])
    #expect(llama["post_attention_layernorm.weight"] == "final_layer_norm.weight")
    let gemma = try norms([
      "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
      "post_feedforward_layernorm",
    ])
    #expect(gemma["post_attention_layernorm.weight"] == "attn_ln.weight")
    #expect(gemma["pre_feedforward_layernorm.weight"] == "final_layer_norm.weight")
    #expect(gemma["post_feedforward_layernorm.weight"] == "ffn_ln.weight")
    let olmo = try norms(["post_attention_layernorm", "post_feedforward_layernorm"])
    #expect(olmo["post_attention_layernorm.weight"] == "attn_ln.weight")
    #expect(olmo["post_feedforward_layernorm.weight"] == "ffn_ln.weight")
    // Nothing around it: nobody knows.
    #expect(try norms(["post_attention_layernorm"])["post_attention_layernorm.weight"] == nil)
    let alone = try view([
      ("model.layers.0.post_attention_layernorm.weight", [2]),
      ("model.layers.0.mlp.down_proj.weight", [2, 3]),
    ])
    #expect(
      alone.notes == ["post_attention_layernorm.weight keeps its name: what stands around it is not Llama's"])
  }

  @Test func expertsOneByOneOrStacked() throws {
    let single = try view(
      (0..<2).flatMap { expert in
        [("gate_proj", [3, 2]), ("up_proj", [3, 2]), ("down_proj", [2, 3])].map {
          ("model.layers.0.mlp.experts.\(expert).\($0).weight", $1)
        }
      } + [("model.layers.0.mlp.gate.weight", [2, 2])])
    #expect(
      single.unknown.isEmpty && single[TensorPlace(stack: .decoder, layer: 0, name: "router.weight")] != nil)
    #expect(try floats(single, "experts.fc2.weight", expert: 1) == [1, 2, 3, 4, 5, 6])
    #expect(single.tensors.last?.place.fullName == "decoder.layers.0.experts.1.fc2.weight")
    let stacked = try view([
      ("model.layers.0.mlp.experts.gate_up_proj", [2, 2, 1]),
      ("model.layers.0.mlp.experts.down_proj", [2, 1, 1]),
      ("model.layers.0.mlp.gate.weight", [2, 1]),
    ])
    #expect(try floats(stacked, "experts.fc_gate.weight") == [1, 3])
    // gpt-oss: gate and values in turn, told by the biases.
    let inTurn = try view([
      ("model.layers.0.mlp.experts.gate_up_proj", [1, 2, 4]),
      ("model.layers.0.mlp.experts.gate_up_proj_bias", [1, 4]),
      ("model.layers.0.mlp.experts.down_proj", [1, 2, 2]),
    ])
    #expect(try floats(inTurn, "experts.fc_gate.weight") == [1, 3, 5, 7])
    #expect(try floats(inTurn, "experts.fc1.bias") == [2, 4])
  }

  @Test func adaptersHaveTheirHostsNames() throws {
    let view = try view([
      ("base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight", [2, 2]),
      ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight", [1, 2]),
      ("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", [2, 1]),
      ("base_model.model.model.layers.0.mlp.down_proj.weight", [2, 3]),
    ])
    #expect(view.unknown.isEmpty)
    #expect(
      Set(view.tensors.map(\.place.name)) == [
        "self_attn.q_proj.weight", "self_attn.q_proj.lora_A.weight", "self_attn.q_proj.lora_B.weight",
        "fc2.weight",
      ])
  }

  @Test func whatNoTableKnowsIsInItsLayer() throws {
    let view = try view([
      ("model.layers.0.mlp.down_proj.weight", [2, 3]), ("model.layers.0.self_attn.extra", [2]),
      ("tower.blocks.0.mixer.A_log", [2]), ("tower.blocks.1.mixer.A_log", [2]), ("scale", [1]),
    ])
    let joined = try #require(view.ownPlaces["model.layers.0.self_attn.extra"])
    #expect((joined.stack, joined.layer, joined.name) == ("decoder", 0, "self_attn.extra"))
    let own = try #require(view.ownPlaces["tower.blocks.1.mixer.A_log"])
    #expect((own.stack, own.layer, own.name) == ("tower.blocks", 1, "mixer.A_log"))
    #expect(view.ownPlaces["scale"] == nil)
  }

  /// A table that knows one tensor of many in a layer is another library's.
  @Test func aTableThatKnowsLittleIsNotUsed() throws {
    let view = try view([
      ("layers.0.norm1.weight", [2]), ("layers.0.a", [2]), ("layers.0.b", [2]), ("layers.0.c", [2]),
      ("layers.1.a", [2]), ("layers.1.b", [2]), ("layers.1.c", [2]),
    ])
    #expect(view.adapter == nil && view.tensors.isEmpty)
    #expect(view.ownPlaces["layers.1.c"]?.layer == 1)
  }
}
