import RunData
import Testing

@testable import Analysis

/// Rules over what a run records, and when they speak.
@Suite struct AlertTests {
  @Test(arguments: [
    "loss > 8", "gradient-l2 > 10 for 50 steps", "update/weight of any layer > 0.1 for 20 steps",
    "l1 of fc2.weight in layer 0 < 1e-06", "rms of layer 3 > 2.5", "weight-rms of fc1.weight < 0.5",
  ])
  func rulesComeBackInTheirWords(text: String) throws {
    let rule = try AlertRule(parsing: text)
    let words = rule.description
    #expect(words == text)
    #expect(try AlertRule(parsing: words) == rule)
    #expect(try AlertRule.rules("\(text), \(text)") == [rule, rule])
  }

  @Test(arguments: [
    ("", "quantity"), ("losses > 1", "update/weight"), ("loss 1", "> or <"), ("loss > much", "number"),
    ("loss > 1 for 3", "for 20 steps"), ("loss > 1 for 0 steps", "for 20 steps"), ("loss > nan", "number"),
    ("loss of layer 1 > 1", "whole run"), ("l1 of layer x > 1", "layer 3"), ("l1 at fc1 > 1", "'at'"),
    ("l1 of fc1.weight of fc2.weight > 1", "'of'"), ("loss > 1,", "quantity"),
  ])
  func wrongWordsAreNamed(text: String, mentions: String) {
    let error = #expect(throws: AlertRuleError.self) { try AlertRule.rules(text) }
    #expect(error?.description.contains(mentions) == true, "\(error?.description ?? "")")
  }

  private static func manifest(hasParameters: Bool = true) -> RunManifest {
    var manifest = SyntheticRuns.run(values: [[1], [1], [1]]).manifest
    manifest.gradients = GradientLayout(
      layerNames: ["0", "1", "2"], tensorNames: ["fc2.weight", "fc2.bias"], stemTensorNames: [],
      elementCounts: [100, 2, 100, 2, 100, 2], stemElementCounts: [],
      isZeroByConstruction: Array(repeating: false, count: 6))
    manifest.hasWeights = hasParameters
    manifest.hasUpdates = hasParameters
    return manifest
  }

  /// The L1 norm of every cell at a step, or of one cell alone.
  private static func numbers(
    _ step: Int, l1: Double, cell only: Int? = nil, loss: Double = 1, ratio: Double? = nil
  ) -> AlertWatch.Numbers {
    AlertWatch.Numbers(step: step, loss: loss, gradientL2: 1) { cell in
      StatisticSums(
        l1: only == nil || only == cell ? l1 : 0, sumSquares: 1, weightSquares: ratio == nil ? .nan : 1,
        updateSquares: ratio.map { $0 * $0 } ?? .nan, count: 100)
    }
  }

  private static func steps(
    _ rule: String, _ numbers: [AlertWatch.Numbers], _ manifest: RunManifest = manifest()
  ) throws -> [Int] {
    var watch = try AlertWatch([AlertRule(parsing: rule)], of: manifest)
    return numbers.flatMap { watch.look(at: $0).map(\.step) }
  }

  @Test func aRuleSpeaksOnceAndAgainOnlyAfterItHasCeasedToHold() throws {
    let values = [1.0, 3, 3, 3, 1, 3, 3].enumerated().map { Self.numbers($0, l1: $1) }
    #expect(try Self.steps("l1 of fc2.weight > 2", values) == [1, 5])
    #expect(try Self.steps("l1 of fc2.weight > 2 for 3 steps", values) == [3])
    #expect(try Self.steps("l1 of fc2.weight < 2", values) == [0, 4])
    #expect(try Self.steps("l1 of fc2.weight > 2 for 4 steps", values) == [])
  }

  /// Weights are measured at every tenth step: the others say nothing, for or against.
  @Test func stepsThatWereNotMeasuredAreNoAnswer() throws {
    let values = (0..<45).map { Self.numbers($0, l1: 1, ratio: $0 % 10 == 0 ? 0.2 : nil) }
    #expect(try Self.steps("update/weight of any layer > 0.1 for 20 steps", values) == [20])
    #expect(try Self.steps("update/weight of any layer > 0.1 for 41 steps", values) == [40])
    #expect(try Self.steps("update/weight of any layer > 0.1 for 42 steps", values) == [])
  }

  @Test func anAlertNamesThePlaceThatIsFarthestOff() throws {
    var watch = try AlertWatch(
      AlertRule.rules("l1 of any layer > 2, l1 of fc2.bias > 2, loss > 5"), of: Self.manifest())
    // Of any layer: of large tensors, so not of biases.
    let first = watch.look(at: Self.numbers(7, l1: 4, cell: 2))
    #expect(first.map(\.description) == ["l1 of any layer > 2: fc2.weight in layer 1, 4.000 at step 7"])
    let second = watch.look(at: Self.numbers(8, l1: 3, cell: 5, loss: .nan))
    #expect(
      second.map(\.description) == [
        "l1 of fc2.bias > 2: fc2.bias in layer 2, 3.000 at step 8", "loss > 5: inf at step 8",
      ])
  }

  @Test func whatARunHasNotIsRefused() throws {
    for (text, mentions) in [
      ("l1 of fc9.weight > 1", "the nearest first: fc2.weight"), ("l1 of layer 3 > 1", "layers 0 to 2"),
    ] {
      let error = #expect(throws: AlertRuleError.self) {
        try AlertWatch([AlertRule(parsing: text)], of: Self.manifest())
      }
      #expect(error?.description.contains(mentions) == true)
    }
    #expect(throws: AlertRuleError.self) {
      try AlertWatch(
        [AlertRule(parsing: "update-rms of layer 0 > 1")], of: Self.manifest(hasParameters: false))
    }
  }

  /// What is watched for changes nothing that is computed: such runs are of one group.
  @Test func rulesTellNoGroupsApart() throws {
    let runs = ["", #""alerts": "loss > 8, l1 of layer 0 > 2","#].enumerated().map { seed, alerts in
      SyntheticRuns.run(values: [[1, 2]], seed: UInt64(seed), configuration: "{\(alerts)\"layers\": 1}")
    }
    #expect(try RunGroup.groups(of: runs).count == 1)
    #expect(try AlertRule.rules(of: runs[0].manifest).isEmpty)
    #expect(
      try AlertRule.rules(of: runs[1].manifest).map(\.description) == ["loss > 8", "l1 of layer 0 > 2"])
  }
}
