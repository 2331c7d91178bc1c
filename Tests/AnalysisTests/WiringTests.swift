import Architecture
import Charts
import RunData
import SnapshotSupport
import Testing

@testable import Analysis

@Suite struct WiringTests {
  private func drawing(_ names: [String]) throws -> Drawing {
    let subjects = try names.map { name in
      WiringDrawing.Subject(try #require(ArchitecturePreset.named(name)), layerCount: 12)
    }
    return WiringDrawing(subjects, program: "nf-probe 0.1.0", command: "nf-probe architectures").drawing
  }

  /// Drawn once and looked at; texts in them do not meet and do not leave the picture in the widest font.
  @Test(arguments: ["normformer", "gemma3", "b2t", "parallel"]) func wiringIsDrawn(name: String) throws {
    try expectSnapshot(try drawing([name]).svg, named: "wiring-\(name).svg")
  }

  @Test func severalStandSideBySide() throws {
    let drawing = try drawing(["post-ln", "pre-ln", "llama", "hybridnorm"])
    #expect(drawing.widthInMillimetres <= 183)
    try expectSnapshot(drawing.svg, named: "wiring-several.svg")
  }

  @Test(arguments: ArchitecturePreset.names) func noTextsMeet(name: String) throws {
    let svg = try drawing([name]).svg
    #expect(SVGCheck(svg).problems == [])
  }

  /// What a run file states is what was trained.
  @Test func aRunIsDrawnFromItsConfiguration() throws {
    let json =
      #"{"architecture": "normformer", "scale-attn": true, "scale-fc": true, "scale-heads": true, "#
      + #""head-scale-placement": "paper", "scale-resids": true, "qkv-norm": false, "activation": "gelu", "norm": "layer"}"#
    let run = SyntheticRuns.run(
      values: (0..<4).map { _ in [1, 1] }, architecture: "normformer", seed: 1, configuration: json)
    let subject = try #require(run.manifest.wiring)
    #expect(subject.layerCount == 4)
    #expect(subject.architecture.sameWiring(as: try #require(ArchitecturePreset.named("normformer"))))
    let foreign = SyntheticRuns.run(
      values: [[1, 1]], architecture: "LlamaForCausalLM", seed: 1, configuration: #"{"hidden_size": 8}"#)
    #expect(foreign.manifest.wiring == nil)
  }
}
