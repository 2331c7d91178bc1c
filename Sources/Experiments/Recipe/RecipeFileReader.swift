import Analysis
import RunData
import Text
import Yams

/// Turns the nodes of a recipe's figures and claims into values.
package struct RecipeFileReader {
  let reader: SweepFileReader
  /// What claims and figures speak of; nil where there is none.
  let sweep: SweepFile?
  /// The source of claims that name none.
  let paper: String

  package init(reader: SweepFileReader, sweep: SweepFile?, paper: String) {
    self.reader = reader
    self.sweep = sweep
    self.paper = paper
  }

  enum ClaimKey: String, CaseIterable {
    case says, source, title, measure, of, against, operation, layers, take, window, from, normalise, scale,
      statistic,
      than, evaluated, by, below, above, between
  }

  private enum FigureKey: String, CaseIterable {
    case figure, name, operation, of, base, window, normalise, paper, columns, lines,
      windows, statistic
  }

  /// The elements of a list; none where it is missing.
  package func elements(_ node: Node?, _ name: String) throws -> [Node] {
    guard let node, node.null == nil else { return [] }
    guard let sequence = node.sequence else { throw reader.complaint(node, "\(name) is a list") }
    return Array(sequence)
  }

  /// One claim.
  func claim(_ node: Node) throws -> Claim {
    let values = try keyed(node, ClaimKey.self, "a claim")
    guard let says = values[.says], let measure = values[.measure],
      let bound = try bound(below: values[.below], above: values[.above], between: values[.between])
    else {
      throw reader.complaint(
        node, "a claim needs `says`, `measure`, and one of `below`, `above` or `between: [a, b]`")
    }
    var claim = Claim(
      says: try reader.text(says, "says"), source: paper,
      measurement: try measurement(measure, of: values), bound: bound)
    if let node = values[.source] { claim.source = try reader.text(node, "source") }
    if values[.title] != nil {
      throw reader.complaint(node, "`title` belongs to a column of a summary; a claim `says`")
    }
    if let problem = problem(of: claim.measurement) { throw reader.complaint(node, problem) }
    return claim
  }

  /// One figure.
  func figure(_ node: Node) throws -> RecipeFigure {
    let values = try keyed(node, FigureKey.self, "a figure")
    guard let kind = values[.figure] else {
      throw reader.complaint(node, "a figure needs `figure`, its kind")
    }
    var figure = RecipeFigure(kind: try reader.choice(kind, "figure", of: RecipeFigure.Kind.self))
    if let node = values[.name] {
      let name = try reader.text(node, "name")
      guard name.allSatisfy({ $0.isLetter || $0.isNumber || "-_.".contains($0) }), !name.hasPrefix(".") else {
        throw reader.complaint(node, "a figure's name is of letters, digits, - and _")
      }
      figure.name = name
    }
    if let node = values[.operation] {
      if figure.showsOutputs {
        figure.outputs = try reader.list(node, "operation")
      } else {
        figure.operation = try reader.text(node, "operation")
      }
    }
    if let node = values[.window] { figure.window = try window(node) }
    if let node = values[.windows] {
      guard figure.kind == .overTime, let count = node.int, (1...1000).contains(count) else {
        throw reader.complaint(
          node, "windows is a number from 1 to 1000, and belongs to the figure over-time")
      }
      figure.windows = count
    }
    if let node = values[.statistic] {
      guard figure.kind == .activations else {
        throw reader.complaint(node, "statistic belongs to the figure activations")
      }
      figure.statistic = try reader.choice(node, "statistic", of: OutputStatistic.self)
    }
    if let node = values[.normalise] {
      figure.normalizer = try reader.choice(node, "normalise", of: RatioNormalizer.self)
    }
    if let node = values[.paper] {
      guard figure.hasPaperFigure, let isOn = node.bool else {
        throw reader.complaint(
          node, "paper is true or false, and belongs to the figures scales and mismatch (of fc2.weight)")
      }
      figure.showsPaper = isOn
    }
    if figure.kind == .summary || values[.columns] != nil || values[.lines] != nil {
      figure.summary = try summary(node, columns: values[.columns], lines: values[.lines], in: figure)
    }
    figure.of = try selector(values[.of], "of")
    figure.base = try selector(values[.base], "base")
    if figure.needsAllTensors, figure.of.isEmpty || figure.base.isEmpty {
      throw reader.complaint(
        node, "\(figure.kind.rawValue) needs `base` and `of`, the cells that it compares")
    }
    return figure
  }

  package func keyed<Key: RawRepresentable & CaseIterable & Hashable>(
    _ node: Node, _: Key.Type, _ name: String
  ) throws -> [Key: Node] where Key.RawValue == String {
    var values: [Key: Node] = [:]
    for (key, value) in try reader.mapping(node, name) { values[try reader.key(key, of: Key.self)] = value }
    return values
  }

  /// The one bound of a claim; nil where there is none, or more than one.
  package func bound(below: Node?, above: Node?, between: Node?) throws -> Claim.Bound? {
    let given = [below, above, between].compactMap(\.self)
    guard given.count == 1 else { return nil }
    if let node = below { return .below(try reader.number(node, "below")) }
    if let node = above { return .above(try reader.number(node, "above")) }
    guard let node = between, let pair = node.sequence, pair.count == 2 else {
      throw reader.complaint(given[0], "between takes two numbers, the lower one first")
    }
    let limits = try pair.map { try reader.number($0, "between") }
    guard limits[0] < limits[1] else {
      throw reader.complaint(node, "between takes two numbers, the lower one first")
    }
    return .between(limits[0], limits[1])
  }

  /// Values of some axes that the sweep has.
  func selector(_ node: Node?, _ name: String) throws -> [String: String] {
    guard let node else { return [:] }
    let values = try reader.texts(node, name)
    for (axisName, label) in values.sorted(by: { $0.key < $1.key }) {
      let axes = sweep?.axes ?? []
      guard let axis = axes.first(where: { $0.name == axisName }) else {
        throw reader.complaint(
          node,
          "\(name) names \(axisName), which the sweep does not vary"
            + suggestion(for: axisName, among: axes.map(\.name)))
      }
      guard axis.points.contains(where: { $0.label == label }) else {
        throw reader.complaint(
          node, "\(axisName) has no \(label)" + suggestion(for: label, among: axis.points.map(\.label)))
      }
    }
    return values
  }

  func window(_ node: Node) throws -> StepWindow {
    do { return try StepWindow(parsing: reader.text(node, "window")) } catch let error as AnalysisError {
      throw reader.complaint(node, "\(error)")
    }
  }

  func layers(_ node: Node) throws -> LayerSelection {
    do { return try LayerSelection(parsing: reader.list(node, "layers").joined(separator: ",")) } catch let
      error as AnalysisError
    {
      throw reader.complaint(node, "\(error)")
    }
  }
}
