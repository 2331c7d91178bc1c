import Architecture
import FileTestSupport
import Testing
import RunData

@testable import Checkpoints

@Suite struct DecoderCheckpointTests {
  let folder: TemporaryFolder
  static let twoHeads = CheckpointHints(headCount: 2)

  init() throws { folder = try TemporaryFolder() }

  private func open(
    _ model: TinyDecoder, metadata: [String: String] = [:], values: [String: [Float]] = [:],
    hints: CheckpointHints = twoHeads
  ) throws(CheckpointError) -> DecoderCheckpoint {
    let path = folder.path("model.safetensors")
    try model.write(to: path, metadata: metadata, values: values)
    return try DecoderCheckpoint(path: path, hints: hints)
  }

  private func message(
    _ model: TinyDecoder, metadata: [String: String] = [:], hints: CheckpointHints = twoHeads
  ) -> String {
    do throws(CheckpointError) {
      _ = try open(model, metadata: metadata, hints: hints)
      return "no error"
    } catch {
      return error.description
    }
  }

  // MARK: - What the tensors tell

  @Test func aPlainPreLNDecoder() throws {
    let checkpoint = try open(TinyDecoder())
    let configuration = checkpoint.configuration
    let wiring = try checkpoint.wiring
    #expect(configuration.layerCount == 3)
    #expect(configuration.modelDim == 4)
    #expect(configuration.ffnDim == 6)
    #expect(configuration.headCount == 2)
    #expect(configuration.vocabularySize == 5)
    #expect(wiring.placement == .preLN)
    #expect(wiring.norm == .layer)
    #expect(wiring.activation == .gelu)
    #expect(
      !wiring.additions.scaleAttention && !wiring.additions.scaleFFN && !wiring.additions.normQueryKeyValue)
    #expect(wiring.additions.scaleHeads == nil)
    #expect(wiring.additions.scaleResiduals == .none)
    #expect(configuration.architecture.head.isTied)
    #expect(checkpoint.unknownTensors.isEmpty)
    #expect(checkpoint.notes == ["activation gelu, which the file does not state"])
    // Per layer 6 linear maps and 2 norms, of two tensors each; the embedding and the last norm.
    #expect(checkpoint.parameterNames.count == 3 * 16 + 3)
  }

  @Test func allOfNormFormer() throws {
    let checkpoint = try open(
      TinyDecoder(additions: .normFormer), metadata: ["head_scale_placement": "fairseq"],
      hints: CheckpointHints())
    let configuration = checkpoint.configuration
    let wiring = try checkpoint.wiring
    #expect(wiring.additions.scaleAttention && wiring.additions.scaleFFN)
    #expect(wiring.additions.scaleHeads == .fairseq)
    #expect(wiring.additions.scaleResiduals == .ffn)
    #expect(configuration.headCount == 2)
    #expect(checkpoint.parameterNames.count == 3 * 22 + 3)
  }

  @Test func otherForms() throws {
    let post = try open(TinyDecoder(isPostLN: true))
    #expect(try post.wiring.placement == .postLN)
    #expect(post.notes.contains("Post-LN, because there is no decoder.layer_norm after the stack"))
    #expect(try open(TinyDecoder(isRMS: true)).wiring.norm == .rms)
    #expect(try open(TinyDecoder(isGated: true)).wiring.activation == .geglu)
    #expect(try open(TinyDecoder(isGated: true)).configuration.ffnDim == 6)
    #expect(try open(TinyDecoder(additions: .scaleBothResiduals)).wiring.additions.scaleResiduals == .both)
    #expect(try open(TinyDecoder(additions: .normQueryKeyValue)).wiring.additions.normQueryKeyValue)
    #expect(try open(TinyDecoder(layers: 12)).configuration.layerCount == 12)
  }

  @Test func valuesComeFromTheirTensors() throws {
    let model = TinyDecoder(additions: [.normFormer, .normQueryKeyValue, .scaleBothResiduals])
    let checkpoint = try open(model, hints: CheckpointHints(headScalePlacement: .paper))
    #expect(Set(checkpoint.parameterNames) == Set(model.shapes.keys))
    for (name, shape) in model.shapes {
      let expected = TinyDecoder.elements(name, count: shape.reduce(1, *))
      #expect(checkpoint.elementCount(of: name) == expected.count)
      #expect(try checkpoint.floats(of: name) == expected)
      #expect(try checkpoint.doubles(of: name) == expected.map(Double.init))
    }
    #expect(checkpoint.elementCount(of: "decoder.layers.9.fc1.weight") == nil)
  }

  @Test func fusedProjectionsAreSplit() throws {
    var model = TinyDecoder(layers: 1)
    for part in ["q", "k", "v"] {
      for kind in ["weight", "bias"] { model.shapes["decoder.layers.0.self_attn.\(part)_proj.\(kind)"] = nil }
    }
    model.shapes["decoder.layers.0.self_attn.in_proj_weight"] = [12, 4]
    model.shapes["decoder.layers.0.self_attn.in_proj_bias"] = [12]
    let checkpoint = try open(model)
    let weight = TinyDecoder.elements("decoder.layers.0.self_attn.in_proj_weight", count: 48)
    let bias = TinyDecoder.elements("decoder.layers.0.self_attn.in_proj_bias", count: 12)
    for (index, part) in ["q", "k", "v"].enumerated() {
      let name = "decoder.layers.0.self_attn.\(part)_proj"
      #expect(try checkpoint.floats(of: "\(name).weight") == Array(weight[(16 * index)..<(16 * index + 16)]))
      #expect(try checkpoint.floats(of: "\(name).bias") == Array(bias[(4 * index)..<(4 * index + 4)]))
    }
    model.shapes["decoder.layers.0.self_attn.in_proj_weight"] = [8, 4]
    #expect(message(model).contains("in_proj_weight has shape [8, 4]"))
  }

  @Test func theHeadIsTiedWhereItsNumbersAre() throws {
    var model = TinyDecoder()
    let head = "decoder.output_projection.weight"
    model.shapes[head] = [5, 4]
    let embedding = TinyDecoder.elements("decoder.embed_tokens.weight", count: 20)
    #expect(try open(model, values: [head: embedding]).configuration.architecture.head.isTied)
    var other = embedding
    other[19] += 1
    let untied = try open(model, values: [head: other])
    #expect(!untied.configuration.architecture.head.isTied)
    #expect(try untied.floats(of: head) == other)
  }

  @Test func fairseqsBookkeepingIsNotUnknown() throws {
    var model = TinyDecoder()
    model.shapes["decoder.version"] = [1]
    model.shapes["decoder.embed_positions._float_tensor"] = [1]
    #expect(try open(model).unknownTensors.isEmpty)
  }

  // MARK: - What no tensor tells

  @Test func headsComeFromTensorFlagOrMetadata() throws {
    let plain = TinyDecoder()
    #expect(
      try open(plain, metadata: ["head_count": "4"], hints: CheckpointHints()).configuration.headCount == 4)
    #expect(try open(plain, metadata: ["head_count": "4"]).configuration.headCount == 2)
    let error = message(plain, hints: CheckpointHints())
    #expect(error.contains("no tensor that tells the number of attention heads"))
    #expect(error.contains("--heads"))
    #expect(
      message(plain, hints: CheckpointHints(headCount: 3)).contains("3 heads do not divide the width 4"))
    #expect(message(plain, hints: CheckpointHints(headCount: 0)).contains("0 heads do not divide"))
    #expect(
      message(plain, metadata: ["head_count": "many"], hints: CheckpointHints())
        .contains("states head_count \"many\""))
    let scaled = TinyDecoder(additions: .scaleHeads)
    let contradicted = message(scaled, hints: CheckpointHints(headCount: 4, headScalePlacement: .paper))
    #expect(contradicted.contains("has 2 heads by the length of c_attn, not the 4 of --heads"))
  }

  @Test func headScalesNeedAPlacement() throws {
    let model = TinyDecoder(additions: .scaleHeads)
    let error = message(model, hints: CheckpointHints())
    #expect(error.contains("has head scales (c_attn)"))
    #expect(error.contains("--head-scale-placement, one of paper, fairseq, fairseq-2021"))
    #expect(
      message(model, metadata: ["head_scale_placement": "somewhere"]).contains(
        "\"somewhere\" in its metadata"))
    let hints = CheckpointHints(headScalePlacement: .fairseq2021)
    let flagged = try open(model, metadata: ["head_scale_placement": "paper"], hints: hints)
    #expect(try flagged.wiring.additions.scaleHeads == .fairseq2021)
  }

  @Test func activationIsStatedOrAssumed() throws {
    let plain = TinyDecoder()
    #expect(try open(plain, metadata: ["activation": "gelu"]).notes.isEmpty)
    #expect(message(plain, metadata: ["activation": "relu"]).contains("states activation \"relu\""))
    #expect(message(plain, metadata: ["activation": "geglu"]).contains("have the shapes of gelu"))
  }

  // MARK: - What is refused

  @Test func hyperparametersThatComputeSomethingElse() {
    let plain = TinyDecoder()
    #expect(
      message(plain, metadata: ["no_scale_embedding": "True"]).contains("trained with no_scale_embedding"))
    #expect(message(plain, metadata: ["no_scale_embedding": "False"]) == "no error")
    let post = TinyDecoder(isPostLN: true)
    #expect(message(post, metadata: ["decoder_normalize_before": "True"]).contains("is Pre-LN by its hyper"))
  }

  @Test func modelsWithOtherNamesAreNamed() {
    var model = TinyDecoder(layers: 0)
    for name in ["wte.weight", "h.0.ln_1.weight", "h.0.ln_2.weight", "h.0.attn.c_attn.weight"] {
      model.shapes["transformer.\(name)"] = name.hasSuffix("c_attn.weight") ? [4, 12] : [4]
    }
    #expect(message(model).contains("is a model with GPT-2's names"))
  }

  @Test(arguments: [
    "decoder.embed_tokens.weight", "decoder.layer_norm.bias", "decoder.layers.0.fc1.weight",
    "decoder.layers.1.fc2.bias", "decoder.layers.2.self_attn.q_proj.weight",
    "decoder.layers.1.ffn_layernorm.bias", "decoder.layers.2.c_attn", "decoder.layers.0.w_resid",
  ])
  func aMissingTensorIsNamed(name: String) {
    var model = TinyDecoder(additions: .normFormer)
    model.shapes[name] = nil
    let error = message(model, hints: CheckpointHints(headScalePlacement: .paper))
    #expect(error.contains("\(name) is missing"))
  }

  @Test(arguments: [
    ("decoder.layers.1.fc1.weight", [7, 4], "[6, 4]"), ("decoder.layers.2.fc2.weight", [4, 7], "[4, 6]"),
    ("decoder.layers.0.self_attn.k_proj.bias", [5], "[4]"), ("decoder.layers.1.c_attn", [4], "[2]"),
    ("decoder.layer_norm.weight", [1], "[4]"), ("decoder.layers.2.w_resid", [1], "[4]"),
  ])
  func aWrongShapeIsNamed(name: String, shape: [Int], expected: String) {
    var model = TinyDecoder(additions: .normFormer)
    model.shapes[name] = shape
    let error = message(model, hints: CheckpointHints(headScalePlacement: .paper))
    #expect(error.contains("\(name) has shape \(shape)"))
    #expect(error.contains("it must be \(expected)"))
  }

  @Test(arguments: [("decoder.embed_tokens.weight", [20]), ("decoder.layers.0.fc2.weight", [4, 6, 1])])
  func aShapeThatNoSizeCanBeReadOff(name: String, shape: [Int]) {
    var model = TinyDecoder()
    model.shapes[name] = shape
    #expect(message(model).contains("\(name) has shape \(shape); expected a matrix"))
  }

  @Test func layersMustBeNumberedThrough() {
    var model = TinyDecoder()
    for name in model.shapes.keys where name.hasPrefix("decoder.layers.1.") { model.shapes[name] = nil }
    #expect(message(model).contains("has tensors of layer 2, but none of layer 1"))
    var far = TinyDecoder()
    far.shapes["decoder.layers.\(Int.max).fc1.weight"] = [6, 4]
    #expect(message(far).contains("has tensors of layer \(Int.max), but none of layer 3"))
  }

  @Test func otherModelsAreRefused() {
    var encoder = TinyDecoder()
    encoder.shapes["encoder.layers.0.fc1.weight"] = [6, 4]
    #expect(message(encoder).contains("has an encoder (encoder.layers.0.fc1.weight)"))
    var learned = TinyDecoder()
    learned.shapes["decoder.embed_positions.weight"] = [10, 4]
    #expect(message(learned).contains("has learned positions (decoder.embed_positions.weight)"))
    var none = TinyDecoder(layers: 0)
    none.shapes["transformer.h.0.attn.c_attn.weight"] = [4, 12]
    #expect(message(none).contains("this is no decoder with fairseq's names"))
    var residual = TinyDecoder()
    residual.shapes["decoder.layers.0.w_resid_attention"] = [4]
    #expect(
      message(residual).contains("scales the attention's residual (w_resid_attention), but not the FFN's"))
  }

  @Test func unknownTensorsAreListed() throws {
    var model = TinyDecoder()
    let names = ["decoder.layers.0.alpha3", "decoder.layers.01.fc1.weight", "decoder.lora"]
    for name in names { model.shapes[name] = [4] }
    let error = message(model)
    #expect(
      error.contains("has 3 tensors that no known part of a decoder has: \(names.joined(separator: ", "))"))
    let hints = CheckpointHints(headCount: 2, leavesOutUnknownTensors: true)
    #expect(try open(model, hints: hints).unknownTensors == names)
  }
}

extension DecoderCheckpoint {
  /// The model's wiring in the paper's words, which all of fairseq's checkpoints have.
  var wiring: PaperWiring {
    get throws { try #require(configuration.paperWiring) }
  }
}
