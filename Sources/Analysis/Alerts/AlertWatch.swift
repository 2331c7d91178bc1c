import RunData
import Text

/// Looks at a run step by step, and says when its rules begin to hold.
///
/// A rule holds over n steps where it holds at every record that was measured from one step on, up to one at least n - 1 later. It speaks once
/// for each place, and again only after it has ceased to hold there.
public struct AlertWatch: Sendable {
  /// The numbers of one step that rules are of.
  public struct Numbers {
    let step: Int
    let loss: Double
    let gradientL2: Double
    let sums: (_ cell: Int) -> StatisticSums

    /// - Parameter sums: what statistics are made of, of a cell of the `(layer, tensor)` grid.
    public init(
      step: Int, loss: Double, gradientL2: Double, sums: @escaping (_ cell: Int) -> StatisticSums
    ) {
      self.step = step
      self.loss = loss
      self.gradientL2 = gradientL2
      self.sums = sums
    }
  }

  /// The rules.
  public let rules: [AlertRule]
  private let layout: GradientLayout
  /// By rule, the cells that it is of; none for the whole run's quantities.
  private let cells: [[Int]]
  /// By rule and place, the step from which on it holds.
  private var begins: [[Int?]]
  /// By rule and place, whether it has spoken since.
  private var hasSpoken: [[Bool]]

  /// Prepares rules for a run.
  ///
  /// - Throws: ``AlertRuleError`` where a rule is of a tensor, a layer or a statistic that the run has not.
  public init(_ rules: [AlertRule], of manifest: RunManifest) throws(AlertRuleError) {
    self.rules = rules
    layout = manifest.gradients
    var cells: [[Int]] = []
    for rule in rules {
      guard !rule.needsParameters || manifest.hasWeights && manifest.hasUpdates else {
        throw AlertRuleError("'\(rule)': the run does not record weights and updates")
      }
      cells.append(try Self.cells(of: rule, in: manifest.gradients))
    }
    self.cells = cells
    begins = cells.map { Array(repeating: nil, count: max(1, $0.count)) }
    hasSpoken = cells.map { Array(repeating: false, count: max(1, $0.count)) }
  }

  private static func cells(of rule: AlertRule, in layout: GradientLayout) throws(AlertRuleError) -> [Int] {
    guard case .statistic = rule.quantity else { return [] }
    if let layer = rule.layer, layer >= layout.layerCount {
      throw AlertRuleError("'\(rule)': the run has layers 0 to \(layout.layerCount - 1)")
    }
    let least = rule.operation == nil ? (layout.elementCounts.max() ?? 0) / 16 : 0
    let tensors = layout.tensorNames.indices.filter {
      rule.operation == nil || rule.operation == layout.tensorNames[$0]
    }
    guard !tensors.isEmpty else {
      let ranked = nearestFirst(to: rule.operation ?? "", among: layout.tensorNames)
      throw AlertRuleError(
        "'\(rule)': the run has no \(rule.operation ?? ""); it has, the nearest first: \(listed(ranked))")
    }
    let layers = rule.layer.map { $0...$0 } ?? 0...layout.layerCount - 1
    return layers.flatMap { layer in tensors.map { layout.index(layer: layer, tensor: $0) } }
      .filter { layout.elementCounts[$0] > max(0, least - 1) && !layout.isZeroByConstruction[$0] }
  }

  /// Looks at the next step; what begins to be the case, an alert a rule.
  public mutating func look(at numbers: Numbers) -> [Alert] {
    rules.indices.compactMap { index in
      let values = values(of: index, numbers)
      var spoken: [Alert.Place] = []
      for (place, value) in values.enumerated() where !value.isNaN {
        guard rules[index].holds(of: value) else {
          begins[index][place] = nil
          hasSpoken[index][place] = false
          continue
        }
        let begin = begins[index][place] ?? numbers.step
        begins[index][place] = begin
        guard !hasSpoken[index][place], numbers.step - begin + 1 >= rules[index].stepCount else { continue }
        hasSpoken[index][place] = true
        spoken.append(
          Alert.Place(cell: cells[index].isEmpty ? nil : cells[index][place], since: begin, value: value))
      }
      return spoken.isEmpty
        ? nil : Alert(rule: rules[index], step: numbers.step, places: spoken, layout: layout)
    }
  }

  private func values(of index: Int, _ numbers: Numbers) -> [Double] {
    switch rules[index].quantity {
    // A loss or norm that is not a number is beyond every bound.
    case .loss: [numbers.loss.isNaN ? .infinity : numbers.loss]
    case .gradientL2: [numbers.gradientL2.isNaN ? .infinity : numbers.gradientL2]
    case .statistic(let statistic): cells[index].map { statistic.value(of: numbers.sums($0)) }
    }
  }
}

/// A rule that has begun to hold.
public struct Alert: Sendable, CustomStringConvertible {
  struct Place: Sendable {
    /// In the `(layer, tensor)` grid; nil for the whole run.
    var cell: Int?
    var since: Int
    var value: Double
  }

  /// The rule.
  public let rule: AlertRule
  /// The step at which it spoke.
  public let step: Int
  let places: [Place]
  let layout: GradientLayout

  /// One sentence without its full stop: `update/weight of any layer > 0.1 for 20 steps: fc1.weight in layer 3, 0.13 at step 40, since step 20`.
  public var description: String {
    let worst = places.max { rule.isAbove ? $0.value < $1.value : $0.value > $1.value }
    guard let worst else { return "\(rule)" }
    let place = worst.cell.map { cell in
      let (layer, tensor) = (cell / layout.tensorNames.count, cell % layout.tensorNames.count)
      return "\(layout.tensorNames[tensor]) in layer \(layer), "
    }
    let others = places.count > 1 ? ", and \(places.count - 1) more" : ""
    let since = worst.since < step ? ", since step \(worst.since)" : ""
    return
      "\(rule): \(place ?? "")\(NumberText.significant(worst.value, digits: 4)) at step \(step)\(since)\(others)"
  }
}

extension StepRecord {
  /// The numbers that rules are of.
  public func numbers(of layout: GradientLayout) -> AlertWatch.Numbers {
    AlertWatch.Numbers(step: step, loss: loss, gradientL2: gradientL2) { cell in
      StatisticSums(
        l1: gradients.l1[cell], sumSquares: gradients.sumSquares[cell],
        weightSquares: parameters?.weights.sumSquares[cell] ?? .nan,
        updateSquares: parameters?.updates.sumSquares[cell] ?? .nan, count: layout.elementCounts[cell])
    }
  }
}
