import RunData
import Testing

@testable import Analysis

@Suite struct OperationChoiceTests {
  /// A layout of tensors with their elements in each layer; 0 where a layer lacks one.
  private func layout(_ tensors: [(name: String, counts: [Int])], zero: Set<String> = []) -> GradientLayout {
    let layers = tensors[0].counts.count
    return GradientLayout(
      layerNames: (0..<layers).map { "layers.\($0)" }, tensorNames: tensors.map(\.name), stemTensorNames: [],
      elementCounts: (0..<layers).flatMap { layer in tensors.map { $0.counts[layer] } },
      stemElementCounts: [],
      isZeroByConstruction: (0..<layers).flatMap { _ in tensors.map { zero.contains($0.name) } })
  }

  private var llama: GradientLayout {
    layout([
      ("self_attn.q_proj.weight", [64, 64]), ("self_attn.o_proj.weight", [64, 64]),
      ("mlp.gate_proj.weight", [172, 172]), ("mlp.up_proj.weight", [172, 172]),
      ("mlp.down_proj.weight", [172, 172]), ("input_layernorm.weight", [8, 8]),
    ])
  }

  /// A dense first layer, then experts, as DeepSeek has them.
  private var experts: GradientLayout {
    layout([
      ("self_attn.o_proj.weight", [64, 64, 64, 64]), ("fc2.weight", [172, 0, 0, 0]),
      ("mlp.gate.weight", [0, 32, 32, 32]), ("mlp.experts.gate_up_proj", [0, 1600, 1600, 1600]),
      ("mlp.experts.down_proj", [0, 800, 800, 800]),
      ("mlp.shared_experts.down_proj.weight", [0, 100, 100, 100]),
    ])
  }

  private func error(_ asked: String, _ layouts: [GradientLayout]) -> String? {
    do throws(AnalysisError) {
      _ = try OperationChoice(asked, among: layouts)
      return nil
    } catch { return "\(error)" }
  }

  @Test func thePaperSOperationIsTheUsualOne() throws {
    let ours = layout([("fc1.weight", [4, 4]), ("fc2.weight", [4, 4]), ("other.weight", [400, 400])])
    for layouts in [[ours], [llama, ours], []] {
      let choice = try OperationChoice(nil, among: layouts)
      #expect(choice.operation == "fc2.weight" && choice.note == nil)
    }
  }

  @Test func withoutItTheLastLargeMatrix() throws {
    let choice = try OperationChoice(nil, among: [llama])
    #expect(choice.operation == "mlp.down_proj.weight")
    #expect(
      choice.note
        == "no layer has fc2.weight: shown is mlp.down_proj.weight, the last large matrix of a layer")
  }

  @Test func theUsualOneInOneLayerOfManyIsNotShown() throws {
    let choice = try OperationChoice(nil, among: [experts])
    #expect(choice.operation == "mlp.experts.down_proj")
    #expect(try #require(choice.note).hasPrefix("few layers have fc2.weight"))
    // Every other layer of experts: half of them are enough.
    let interleaved = layout([("fc2.weight", [9, 0, 9, 0]), ("mlp.experts.down_proj", [0, 80, 0, 80])])
    #expect(try OperationChoice(nil, among: [interleaved]).operation == "fc2.weight")
  }

  @Test func whatIsZeroByConstructionIsNotChosen() throws {
    let choice = try OperationChoice(
      nil, among: [layout([("a.weight", [50, 50]), ("b.weight", [60, 60])], zero: ["b.weight"])])
    #expect(choice.operation == "a.weight")
  }

  @Test func namesAndPatterns() throws {
    #expect(try OperationChoice("mlp.up_proj.weight", among: [llama]).note == nil)
    let choice = try OperationChoice("*down_proj*", among: [llama])
    #expect(choice.operation == "mlp.down_proj.weight")
    #expect(choice.note == "*down_proj* stands for mlp.down_proj.weight")
  }

  @Test func aPatternOfSeveralSaysWhich() {
    #expect(
      error("*experts*down_proj*", [experts])
        == "'*experts*down_proj*' stands for 2 operations: mlp.experts.down_proj, mlp.shared_experts.down_proj.weight;"
        + " name one, or make the pattern longer")
  }

  @Test func theNearestComesFirst() throws {
    let ours = layout([
      ("self_attn.q_proj.weight", [4]), ("fc1.weight", [4]), ("fc1.bias", [4]), ("fc2.weight", [4]),
      ("w_resid", [4]),
    ])
    #expect(
      error("fc3.weight", [ours])
        == "no run has recorded 'fc3.weight' (did you mean fc1.weight?); recorded are, the nearest first: fc1.weight,"
        + " fc2.weight, fc1.bias, w_resid, self_attn.q_proj.weight")
    #expect(try #require(error("q_proj", [ours])).contains("did you mean self_attn.q_proj.weight?"))
    #expect(try #require(error("*q_prj*", [ours])).contains("no run has recorded '*q_prj*'"))
    #expect(!(try #require(error("embedding", [ours])).contains("did you mean")))
  }

  @Test func aLongListIsCutOff() throws {
    let many = layout((0..<100).map { ("experts.\($0).w2.weight", [4]) })
    let message = try #require(error("experts.7.w2", [many]))
    #expect(message.contains("did you mean experts.7.w2.weight?") && message.hasSuffix("and 76 more"))
    #expect(message.count < 700)
  }

  @Test(arguments: [
    ("", "", true), ("", "*", true), ("a", "", false), ("abc", "a*c", true), ("abc", "*b*", true),
    ("abcabd", "*ab?", true), ("abc", "a?", false), ("aXbXc", "a*b*c", true), ("ab", "a*b*c", false),
    ("aaaaaaaaaaaaaaaaaaaaaaaab", "a*a*a*a*a*a*a*b", true), ("fc2.weight", "fc2?weight", true),
  ])
  func patterns(text: String, pattern: String, isMatch: Bool) {
    #expect(OperationChoice.matches(text, pattern: pattern) == isMatch)
  }
}
