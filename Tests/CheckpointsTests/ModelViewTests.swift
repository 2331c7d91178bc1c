import Architecture
import FileTestSupport
import Foundation
import Testing
import RunData

@testable import Checkpoints

/// Tensors at their places, whatever their library calls them.
@Suite struct ModelViewTests {
  /// A checkpoint in memory; every tensor counts from 1.
  private func view(
    _ tensors: [(String, [Int])], metadata: [String: String] = [:]
  ) throws(CheckpointError) -> ModelView {
    let checkpoint = Checkpoint(
      path: "memory", format: .safetensors, metadata: metadata,
      values: tensors.map { name, shape in
        (name, shape, (0..<shape.reduce(1, *)).map { Float($0 + 1) })
      })
    return try ModelView(checkpoint)
  }

  private func names(_ view: ModelView) -> [String] { view.tensors.map(\.place.fullName) }

  private func tensor(_ view: ModelView, _ name: String, layer: Int? = 0) throws -> ModelTensor {
    try #require(view[TensorPlace(stack: .decoder, layer: layer, name: name)])
  }

  @Test func gpt2IsTransposedAndSplit() throws {
    let view = try view([
      ("transformer.h.0.attn.c_attn.weight", [2, 6]), ("transformer.h.0.attn.c_attn.bias", [6]),
      ("transformer.h.0.attn.bias", [1, 1, 4, 4]), ("transformer.h.0.mlp.c_fc.weight", [2, 3]),
      ("transformer.h.0.mlp.c_proj.weight", [3, 2]), ("transformer.h.0.ln_1.weight", [2]),
      ("transformer.wte.weight", [5, 2]), ("transformer.ln_f.weight", [2]), ("lm_head.weight", [5, 2]),
    ])
    #expect(view.adapter?.name == "gpt2")
    #expect(
      names(view) == [
        "decoder.embed_tokens.weight", "decoder.layers.0.self_attn_layer_norm.weight",
        "decoder.layers.0.self_attn.q_proj.weight", "decoder.layers.0.self_attn.q_proj.bias",
        "decoder.layers.0.self_attn.k_proj.weight", "decoder.layers.0.self_attn.k_proj.bias",
        "decoder.layers.0.self_attn.v_proj.weight", "decoder.layers.0.self_attn.v_proj.bias",
        "decoder.layers.0.fc1.weight", "decoder.layers.0.fc2.weight", "decoder.layer_norm.weight",
        "decoder.output_projection.weight",
      ])
    #expect(view.bookkeeping.map(\.name) == ["transformer.h.0.attn.bias"])
    #expect(view.unknown.isEmpty)
    #expect(view.notes.contains { $0.contains("not HeadScale") })
    // Stored rows are 1...6 and 7...12; q, k and v are two columns each.
    let key = try tensor(view, "self_attn.k_proj.weight")
    #expect(key.part == .columns(2..<4) && key.isTransposed && key.shape == [2, 2])
    #expect(try view.floats(of: key) == [3, 9, 4, 10])
    #expect(try view.doubles(of: tensor(view, "self_attn.v_proj.bias")) == [5, 6])
    let up = try tensor(view, "fc1.weight")
    #expect(up.shape == [3, 2])
    #expect(try view.floats(of: up) == [1, 4, 2, 5, 3, 6])
    var window: [Double] = [0, 0, 0]
    try view.read(up, elements: 3..<5, into: &window, at: 1)
    #expect(window == [0, 5, 3])
  }

  @Test func nanoGPTHasTheSameNamesUntransposed() throws {
    let view = try view([
      ("_orig_mod.transformer.wte.weight", [5, 2]), ("_orig_mod.transformer.h.0.attn.c_attn.weight", [6, 2]),
      ("_orig_mod.transformer.h.0.mlp.c_fc.weight", [3, 2]),
    ])
    #expect(view.adapter?.name == "nanogpt")
    let key = try tensor(view, "self_attn.k_proj.weight")
    #expect(key.part == .rows(2..<4) && !key.isTransposed)
    #expect(try view.floats(of: key) == [5, 6, 7, 8])
    #expect(try tensor(view, "fc1.weight").shape == [3, 2])
  }

  @Test func xTransformersGainsAreWhole() throws {
    let view = try view([
      ("net.token_emb.emb.weight", [5, 2]), ("net.attn_layers.layers.0.0.0.gamma", [2]),
      ("net.attn_layers.layers.0.1.to_q.weight", [2, 2]),
      ("net.attn_layers.layers.0.1.head_scale_params", [1, 2, 1, 1]),
      ("net.attn_layers.layers.0.2.residual_scale", [2]), ("net.attn_layers.layers.1.0.0.gamma", [2]),
      ("net.attn_layers.layers.1.1.ff.0.0.weight", [3, 2]), ("net.attn_layers.layers.1.1.ff.1.gamma", [3]),
      ("net.attn_layers.layers.1.1.ff.3.weight", [2, 3]), ("net.attn_layers.layers.1.2.residual_scale", [2]),
      ("net.attn_layers.layers.3.1.ff.0.proj.weight", [4, 2]), ("net.attn_layers.final_norm.gamma", [2]),
    ])
    #expect(view.adapter?.name == "x-transformers")
    #expect(view.adapter?.headScalePlacement == .paper)
    #expect(view.unknown.isEmpty)
    #expect(view.layerCount == 2)
    #expect(try view.floats(of: tensor(view, "self_attn_layer_norm.weight")) == [2, 3])
    #expect(try view.doubles(of: tensor(view, "ffn_layernorm.weight")) == [1, 2, 3])
    #expect(try tensor(view, "c_attn").shape == [2])
    #expect(try view.floats(of: tensor(view, "c_attn")) == [1, 2])
    #expect(try view.floats(of: tensor(view, "w_resid_attention")) == [1, 2])
    #expect(try view.floats(of: tensor(view, "fc_gate.weight", layer: 1)) == [5, 6, 7, 8])
    #expect(view.notes.contains { $0.contains("stored minus one") })
  }

  @Test func xTransformersScalesOfBranchesWrapThem() throws {
    let view = try view([
      ("attn_layers.layers.0.1.gamma", [2]), ("attn_layers.layers.0.1.fn.to_q.weight", [4, 2]),
      ("attn_layers.layers.0.1.fn.qk_norm_q_scale", [2, 1, 2]),
      ("attn_layers.layers.1.1.fn.ff.2.weight", [2, 3]), ("attn_layers.layers.1.1.gamma", [2]),
    ])
    #expect(view.adapter?.name == "x-transformers" && view.unknown.isEmpty)
    #expect(
      names(view)
        == [
          "self_attn.q_proj.weight", "self_attn.q_layer_norm.weight", "attn_layer_scale", "fc2.weight",
          "ffn_layer_scale",
        ].map { "decoder.layers.0.\($0)" })
    #expect(try view.floats(of: tensor(view, "ffn_layer_scale")) == [2, 3])
  }

  @Test func everyAdapterIsFoundByItsOwnNames() throws {
    let expected: [(name: String, tensors: [(String, [Int])])] = [
      ("fairseq", [("decoder.layers.0.fc1.weight", [3, 2]), ("decoder.layers.0.c_attn", [2])]),
      (
        "fairseq",
        [("encoder.layers.0.fc1.weight", [3, 2]), ("decoder.layers.0.encoder_attn.q_proj.bias", [2])]
      ),
      ("fairseq", [("encoder.sentence_encoder.layers.0.fc1.weight", [3, 2])]),
      ("ofa", [("decoder.layers.0.cross_attn_ln.bias", [2]), ("encoder.layers.0.self_attn.c_attn", [2])]),
      ("llama", [("model.layers.0.mlp.up_proj.weight", [3, 2]), ("lm_head.weight", [5, 2])]),
      ("opt", [("model.decoder.final_layer_norm.weight", [2]), ("model.decoder.layers.0.fc1.bias", [3])]),
      ("bert", [("bert.encoder.layer.0.output.LayerNorm.gamma", [2]), ("cls.predictions.bias", [5])]),
      (
        "torch-encoder",
        [("layers.0.linear1.weight", [3, 2]), ("layers.0.self_attn.in_proj_weight", [6, 2])]
      ),
      ("torch-encoder", [("text.blocks.layers.0.norm1.weight", [2]), ("text.head.weight", [5, 2])]),
      (
        "torch-transformer",
        [("decoder.layers.0.multihead_attn.in_proj_bias", [6]), ("encoder.layers.0.norm1.bias", [2])]
      ),
      (
        "x-transformers-cross",
        [
          ("attn_layers.layers.1.1.to_q.weight", [2, 2]), ("attn_layers.layers.2.1.ff.0.0.weight", [3, 2]),
        ]
      ),
      (
        "x-transformers-macaron",
        [
          ("attn_layers.layers.0.1.fn.ff.0.0.weight", [3, 2]),
          ("attn_layers.layers.1.1.to_q.weight", [2, 2]),
          ("attn_layers.layers.2.1.fn.ff.0.0.weight", [3, 2]),
        ]
      ),
    ]
    for (name, tensors) in expected {
      let view = try view(tensors)
      #expect(view.adapter?.name == name, "\(tensors)")
      #expect(view.tensors.isEmpty == false)
    }
  }

  @Test func encoderDecodersKeepTheirStacks() throws {
    let view = try view([
      ("decoder.layers.1.encoder_attn.in_proj_weight", [6, 2]), ("decoder.layers.0.fc1.weight", [3, 2]),
      ("encoder.layers.0.fc1.weight", [3, 2]), ("encoder.layers.0.layer_norms.1.weight", [2]),
      ("decoder.layers.0.alpha2", [2]),
    ])
    #expect(
      names(view) == [
        "encoder.layers.0.fc1.weight", "encoder.layers.0.final_layer_norm.weight",
        "decoder.layers.0.fc1.weight",
        "decoder.layers.0.w_resid", "decoder.layers.1.encoder_attn.q_proj.weight",
        "decoder.layers.1.encoder_attn.k_proj.weight", "decoder.layers.1.encoder_attn.v_proj.weight",
      ])
    #expect(view.layerCount == 2)
  }

  @Test func unknownTensorsKeepTheirNames() throws {
    let strange = try view([("a", [1]), ("b.0.c", [2])])
    #expect(strange.adapter == nil)
    #expect(strange.unknown.map(\.name) == ["a", "b.0.c"])
    #expect(strange.notes == ["no known library names its tensors like this"])
    let mixed = try view([
      ("decoder.layers.0.fc1.weight", [3, 2]), ("decoder.layers.0.lora.weight", [1]),
      ("decoder.layers.0.self_attn.in_proj_bias", [6]), ("decoder.layers.0.self_attn.k_proj.bias", [2]),
      ("decoder.version", [1]), ("module.decoder.layers.0.fc1.weight", [3, 2]),
    ])
    #expect(
      mixed.unknown.map(\.name) == [
        "decoder.layers.0.lora.weight", "decoder.layers.0.self_attn.in_proj_bias",
        "module.decoder.layers.0.fc1.weight",
      ])
    #expect(mixed.bookkeeping.map(\.name) == ["decoder.version"])
  }

  /// A model inside a larger one, under wrappers of any kind and order; the head stands outside of what the library's prefix names.
  @Test(arguments: [
    ("student.model.", "student."), ("model._fsdp_wrapped_module.model.", "model._fsdp_wrapped_module."),
    ("module.", "module."), ("module.student._orig_mod.model.", "module.student._orig_mod."),
    ("_orig_mod.module.model.", "_orig_mod.module."), ("policy.actor.model.", "policy.actor."),
    ("_forward_module.model.model.", "_forward_module.model."), ("model.", ""), ("", ""),
    ("student.", "student."),
  ])
  func prefixesAreNestedInAnyOrder(body: String, head: String) throws {
    let view = try view([
      ("\(body)embed_tokens.weight", [5, 2]),
      ("\(body)layers.0._fsdp_wrapped_module.self_attn.q_proj.weight", [2, 2]),
      ("\(body)layers.0._checkpoint_wrapped_module.mlp.down_proj.weight", [2, 3]),
      ("\(body)layers.1.mlp._orig_mod.down_proj.weight", [2, 3]), ("\(body)norm.weight", [2]),
      ("\(head)lm_head.weight", [5, 2]),
    ])
    #expect(view.unknown.map(\.name) == [])
    #expect(
      names(view) == [
        "decoder.embed_tokens.weight", "decoder.layers.0.self_attn.q_proj.weight",
        "decoder.layers.0.fc2.weight",
        "decoder.layers.1.fc2.weight", "decoder.layer_norm.weight", "decoder.output_projection.weight",
      ])
  }

  @Test func aPartThatIsCalledModuleStays() throws {
    let view = try view([("module.decoder.module.x", [1]), ("decoder.layers.0.fc1.weight", [3, 2])])
    #expect(view.unknown.map(\.name) == ["module.decoder.module.x"])
  }

  @Test func anAdapterMayBeNamed() throws {
    let checkpoint = Checkpoint(
      path: "memory", format: .safetensors,
      values: [("a.b.h.0.attn.c_attn.weight", [2, 6], (1...12).map(Float.init))])
    let named = try ModelView(checkpoint, adapter: .named("nanogpt"))
    #expect(named.adapter?.name == "nanogpt")
    #expect(named.unknown.map(\.name) == ["a.b.h.0.attn.c_attn.weight"])
    let found = try ModelView(checkpoint, adapter: .named("gpt2"))
    #expect(try found.floats(of: tensor(found, "self_attn.q_proj.weight")) == [1, 7, 2, 8])
  }

  @Test func notesYieldToMetadata() throws {
    let tensors = [("decoder.layers.0.c_attn", [2])]
    #expect(try view(tensors).notes.count == 1)
    #expect(try view(tensors, metadata: ["head_scale_placement": "paper"]).notes.isEmpty)
  }

  @Test func shapesThatCannotBeCut() throws {
    #expect(throws: CheckpointError.self) {
      try view([("decoder.layers.0.self_attn.in_proj_weight", [8, 4]), ("decoder.layers.0.fc1.bias", [4])])
    }
    #expect(throws: CheckpointError.self) { try view([("transformer.h.0.attn.c_attn.bias", [])]) }
    // A matrix where a vector is expected is left as it is.
    let odd = try view([("attn_layers.layers.0.1.head_scale_params", [2, 2])])
    #expect(odd.tensors.first?.shape == [2, 2])
  }

  /// A name that a pattern stands for, in layer 4.
  private static func example(_ pattern: String) -> String {
    [
      ("{layer}", "4"), ("{2layer}", "8"), ("{2layer+1}", "9"), ("{3layer}", "12"), ("{3layer+1}", "13"),
      ("{3layer+2}", "14"), ("{expert}", "7"),
    ].reduce(pattern) { $0.replacing($1.0, with: $1.1) }
  }

  /// The table is plain data: every rule is text and flags, names no place twice, and is found by its own pattern.
  @Test func theTableIsData() throws {
    for adapter in NameAdapter.all {
      let json = try JSONEncoder().encode(adapter.rules)
      #expect(try JSONSerialization.jsonObject(with: json) is [[String: Any]])
      for rule in adapter.rules.flatMap(\.expanded) {
        let name = Self.example(rule.pattern)
        let names = Set([name] + rule.conditions.map(Self.example))
        let match = try #require(adapter.match(StoredName(name), among: names), "\(adapter.name) \(name)")
        #expect(match.rule == rule, "\(adapter.name) \(name)")
        #expect(match.layer == (rule.pattern.contains("layer") && name != rule.pattern ? 4 : nil))
      }
    }
    for adapter in NameAdapter.all { #expect(NameAdapter.named(adapter.name)?.title == adapter.title) }
    #expect(NameAdapter.named("unheard of") == nil)
  }
}
