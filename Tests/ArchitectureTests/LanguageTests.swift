import Architecture
import Testing

/// The language: what it takes, and how it answers what it does not.
@Suite struct LanguageTests {
  private func parse(_ text: String) throws(ArchitectureError) -> ArchitectureDescription {
    try ArchitectureDescription(parsing: text, name: "mine", file: "mine.yaml")
  }

  private func complaint(_ text: String) -> String {
    do {
      _ = try parse(text)
      return "none"
    } catch { return error.description }
  }

  @Test func presetsAreShortAndSayWhatTheyAre() throws {
    for name in ArchitecturePreset.names {
      let preset = try #require(ArchitecturePreset.named(name))
      #expect(preset.text.split(separator: "\n").count <= 25, "\(name)")
      for words in [preset.title, preset.summary, preset.equation, preset.source] {
        #expect(!words.isEmpty, "\(name)")
      }
    }
  }

  @Test(arguments: ArchitecturePreset.names)
  func theResolvedTextSaysTheSame(name: String) throws {
    let preset = try #require(ArchitecturePreset.named(name))
    let again = try parse(preset.resolvedText)
    #expect(again.resolvedText == preset.resolvedText)
    #expect(again.block == preset.block && again.exceptions == preset.exceptions)
    #expect(
      again.embedding == preset.embedding && again.head == preset.head && again.initial == preset.initial)
  }

  @Test func normFormerIsPreLNWithTheAdditions() throws {
    let wiring = PaperWiring(placement: .preLN, additions: .normFormer, activation: .gelu, norm: .layer)
    let preset = try #require(ArchitecturePreset.named("normformer"))
    #expect(preset.resolvedText == wiring.description.resolvedText)
  }

  @Test func layersThatDiffer() throws {
    let mix = try #require(ArchitecturePreset.named("mix-ln"))
    let kinds = (1...12).map { mix.sublayers(layer: $0, of: 12) == mix.block ? "pre" : "post" }
    #expect(kinds == Array(repeating: "post", count: 3) + Array(repeating: "pre", count: 9))
    let gemma = try #require(ArchitecturePreset.named("gemma3"))
    let windows = (1...12).map { layer -> Int? in
      guard case .attention(let attention, _) = gemma.sublayers(layer: layer, of: 12)[0] else { return nil }
      return attention.window
    }
    #expect(windows == (1...12).map { $0 % 6 == 0 ? nil : 512 })
  }

  // MARK: - Parts

  @Test func partsOfLlamaOnPreLNAreLlama() throws {
    let llama = try #require(ArchitecturePreset.named("llama"))
    let preLN = try #require(ArchitecturePreset.named("pre-ln"))
    let made = try preLN.withParts(of: llama)
    #expect(made.resolvedText == llama.resolvedText && made.sizes == llama.sizes && made.name == "pre-ln")
    #expect(made.title == "Pre-LN, made of Llama's parts")
    #expect(try parse(made.text).resolvedText == made.resolvedText)
  }

  @Test(arguments: ArchitecturePreset.names)
  func ownPartsChangeNothing(name: String) throws {
    let preset = try #require(ArchitecturePreset.named(name))
    guard preset.exceptions.isEmpty else {
      #expect(throws: ArchitectureError.self) { try preset.withParts(of: preset) }
      return
    }
    // A DyT stays in its place, and so do norms that are not all of one kind.
    #expect(try preset.withParts(of: preset).resolvedText == preset.resolvedText)
  }

  @Test func aPlacementKeepsWhatIsItsOwn() throws {
    let llama = try #require(ArchitecturePreset.named("llama"))
    func made(_ name: String) throws -> ArchitectureDescription {
      try #require(ArchitecturePreset.named(name)).withParts(of: llama)
    }
    // Norms by head and factors of depth stay, of Llama's kind; gains of the start go to the gate too.
    guard case .attention(let attention, let around) = try made("hybridnorm").block[0] else { return }
    #expect(
      attention.queryNorm?.isPerHead == true && attention.queryNorm?.kind == .rms && around.outputNorm != nil)
    #expect(attention.rotary != nil && attention.biases.isEmpty)
    guard case .feedForward(let ffn, let other) = try made("lns").block[1] else { return }
    #expect(
      other.inputNorm?.factor?.text == "1/sqrt(l)" && other.inputNorm?.kind == .rms && ffn.gate == .separate)
    let deepNorm = try made("deepnorm")
    #expect(
      deepNorm.initial.gains["gate"] == deepNorm.initial.gains["fc1"] && deepNorm.initial.scheme == .gpt2)
    #expect(deepNorm.head.norm == nil && !deepNorm.head.isTied)
    #expect(try made("peri-ln").embedding.norm?.kind == .rms)
    #expect(try made("mix-ln").exceptions.count == 1)
    guard case .attention(_, let tanh) = try made("dyt").block[0] else { return }
    #expect(tanh.inputNorm?.kind == .dyt)
  }

  @Test func aScaleThatStartsByAPassIsAVectorOnTheResidual() throws {
    let line = { (place: String, scale: String) in
      "architecture: 1\nblock:\n  - attention: {\(place): \(scale)}\n  - ffn: {}\n"
    }
    let profiled = try parse(line("residual-scale", "{learned: vector, from: profile}"))
    #expect(profiled.block[0].surroundings.residualScale == .profiledVector)
    for (place, scale) in [
      ("branch-scale", "{learned: vector, from: profile}"),
      ("residual-scale", "{learned: scalar, from: profile}"),
    ] {
      #expect(
        complaint(line(place, scale)).contains(
          "line 3: \"from: profile\" is for a learned vector on the residual"))
    }
  }

  @Test func wrongWordsAreNamedWithTheirLine() {
    #expect(
      complaint("architecture: 1\nblock:\n  - attention: {imput-norm: yes}\n  - ffn: {}\n")
        .hasPrefix(
          "mine.yaml, line 3: \"imput-norm\" is no word of \"attention\" (did you mean input-norm?); there are"
        ))
    #expect(
      complaint("architecture: 1\nblock:\n  - attention: {rotary: noo}\n  - ffn: {}\n")
        .hasSuffix("\"rotary\" is yes, no, or has theta, share or pairing, not \"noo\""))
    #expect(
      complaint("architecture: 1\nblock:\n  - attention: {}\n  - ffn: {gated: fussed}\n")
        .hasSuffix("\"gated\" is yes (two tensors), fused (one) or no, not \"fussed\""))
    #expect(
      complaint(
        "architecture: 1\nblock:\n  - attention: {}\n  - ffn: {}\nexceptions:\n  - layers: first 1\n    attention: no\n"
      )
      .hasSuffix("line 7: say what differs in it, such as {rotary: no}"))
    #expect(complaint("architecture: 1\nblok: []\n").contains("line 2: \"blok\" is no word of \"the file\""))
    #expect(complaint("block:\n  - ffn: {}\n").contains("\"architecture: 1\""))
    #expect(complaint("architecture: 2\nblock:\n  - ffn: {}\n").contains("line 1: is written in version 2"))
    #expect(complaint("architecture: 1\n").contains("\"block\", the list of sublayers, is missing"))
    #expect(complaint("architecture: 1\nblock: []\n").contains("needs a sublayer"))
    #expect(complaint("architecture: 1\nblock:\n  - conv: {}\n").contains("\"conv\" is no word"))
    #expect(complaint("architecture: 1\nblock: [\n").contains("is no YAML"))
    #expect(complaint("").contains("is empty"))
  }

  @Test func everyMisspeltWordOfEveryPresetIsFound() throws {
    for name in ArchitecturePreset.names {
      let preset = try #require(ArchitecturePreset.named(name))
      let lines = preset.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      for (number, line) in lines.enumerated() {
        for word in [
          "input-norm", "output-norm", "branch-norm", "attention", "ffn", "rotary", "residual-scale",
          "layers",
        ]
        where line.contains("\(word):") && !line.hasPrefix("summary") && !line.hasPrefix("equation") {
          var changed = lines
          changed[number] = line.replacing("\(word):", with: "\(word)x:", maxReplacements: 1)
          let complaint = complaint(changed.joined(separator: "\n"))
          #expect(complaint.contains("\"\(word)x\""), "\(name): \(complaint)")
        }
      }
    }
  }

  @Test func valuesThatCannotBeAreNamed() {
    func inAttention(_ text: String) -> String {
      complaint("architecture: 1\nblock:\n  - attention: {\(text)}\n  - ffn: {}\n")
    }
    #expect(inAttention("input-norm: maybe").contains("a norm is yes, no, layer, rms, dyt"))
    #expect(inAttention("input-norm: {per: head}").contains("\"per: head\" is for q-norm"))
    #expect(inAttention("q-norm: {kind: dyt, per: head}").contains("a dyt cannot stand on each head"))
    #expect(inAttention("window: 0").contains("whole number of at least 1"))
    #expect(inAttention("soft-cap: -1").contains("a number above 0"))
    #expect(inAttention("rotary: {share: 2}").contains("at most 1"))
    #expect(inAttention("residual-scale: 2*x").contains("\"x\" in \"2*x\" is no name"))
    #expect(inAttention("residual-scale: (2*L").contains("expected )"))
    #expect(inAttention("branch-scale: {learned: matrix}").contains("\"matrix\" is no word"))
    #expect(
      complaint("architecture: 1\nblock:\n  - parallel: {of: [{attention: {output-norm: yes}}, {ffn: {}}]}\n")
        .contains("\"output-norm\" has no place on one of several branches"))
    #expect(
      complaint("architecture: 1\nblock:\n  - ffn: {}\nhead: {bias: yes}\n").contains(
        "a tied head has no bias"))
  }

  @Test func constantsThatAreNoNumbersAreRefused() throws {
    let description = try parse("architecture: 1\nblock:\n  - ffn: {branch-scale: ln(l - 1)}\n")
    let model = ModelConfiguration(
      layerCount: 2, modelDim: 8, headCount: 2, vocabularySize: 9, architecture: description)
    #expect(throws: ModelConfigurationError.self) { try model.validate() }
  }
}

/// Numbers that depend on depth.
@Suite struct ExpressionTests {
  private let variables = Expression.Variables(
    layerCount: 8, layer: 3, modelDim: 64, headCount: 4, headDim: 16)

  @Test(arguments: [
    ("1", 1), ("2*L", 16), ("(2*L)^(1/4)", 2), ("1/sqrt(l + 1)", 0.5), ("2 - 3 - 4", -5), ("2^3^2", 512),
    ("-2^2", -4), ("sqrt(d)", 8), ("ln(1)", 0), ("h*k/d", 1), ("1e-5 * 1e5", 1), (".5", 0.5),
  ])
  func values(text: String, value: Double) throws {
    #expect(abs(try Expression(parsing: text).value(variables) - value) < 1e-12)
  }

  @Test(arguments: [
    "", "2 +", "2 2", "sin(1)", "(", "1..2", "x", "2*", "l l", String(repeating: "(", count: 5000),
  ])
  func otherTextIsRefused(text: String) {
    #expect(throws: ExpressionError.self) { try Expression(parsing: text) }
  }
}
