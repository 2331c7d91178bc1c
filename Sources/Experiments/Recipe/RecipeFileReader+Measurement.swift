import Analysis
import RunData
import Yams

extension RecipeFileReader {
  /// What a claim or a column of a summary measures.
  func measurement(_ measure: Node, of values: [ClaimKey: Node]) throws -> Measurement {
    var measurement = Measurement(
      try reader.choice(measure, "measure", of: Claim.Measure.self), of: try selector(values[.of], "of"),
      against: try selector(values[.against], "against"))
    if let node = values[.operation] { measurement.operations = try reader.list(node, "operation") }
    if let node = values[.layers] { measurement.layers = try layers(node) }
    if let node = values[.take] { measurement.take = try reader.choice(node, "take", of: Claim.Take.self) }
    if let node = values[.window] { measurement.window = try window(node) }
    if let node = values[.from] { measurement.from = try window(node) }
    if let node = values[.normalise] {
      measurement.normalizer = try reader.choice(node, "normalise", of: RatioNormalizer.self)
    }
    if let node = values[.scale] { measurement.scale = try reader.text(node, "scale") }
    if let node = values[.than] { measurement.otherScale = try reader.text(node, "than") }
    if let node = values[.statistic] {
      measurement.statistic = try reader.choice(node, "statistic", of: Claim.ScaleStatistic.self)
    }
    if let node = values[.evaluated] { measurement.evaluated = try reader.text(node, "evaluated") }
    if let node = values[.by] {
      measurement.unit = try reader.choice(node, "by", of: EvaluationLayout.Unit.self)
    }
    return measurement
  }

  /// What is missing for it to be measured at all; nil where nothing is.
  func problem(of measurement: Measurement) -> String? {
    if measurement.measure == .bestValue, sweep?.choose == nil {
      return "best value needs `choose:` in the sweep, the axis that it is a value of"
    }
    if measurement.measure.needsStream, sweep?.mentions("activations") == false {
      return
        "\(measurement.measure.rawValue) needs `activations: true` in the sweep, which records the residual stream"
    }
    return measurement.problem
  }

  /// The columns of a summary, and the axes that its rows run over.
  func summary(
    _ node: Node, columns: Node?, lines: Node?, in figure: RecipeFigure
  ) throws -> (columns: [SweepSummary.Column], axes: [String]) {
    guard figure.kind == .summary else {
      throw reader.complaint(node, "`columns` and `lines` belong to the figure summary")
    }
    let columns = try elements(columns, "columns").map { try column($0) }
    guard (1...SweepSummary.mostColumns).contains(columns.count) else {
      throw reader.complaint(
        node, "a summary has 1 to \(SweepSummary.mostColumns) `columns`, such as {measure: perplexity}")
    }
    guard Set(columns.map(\.title)).count == columns.count else {
      throw reader.complaint(node, "two columns have one title; give them `title:`")
    }
    let axes = (sweep?.axes ?? []).map { (name: $0.name, count: $0.points.count) }
    do {
      return (
        columns,
        try SweepSummary.axes(
          axes, chosen: sweep?.choose, columns: columns, lines: try lines.map { try reader.text($0, "lines") }
        )
      )
    } catch let error as AnalysisError { throw reader.complaint(node, "\(error)") }
  }

  private func column(_ node: Node) throws -> SweepSummary.Column {
    let values = try keyed(node, ClaimKey.self, "a column")
    guard let measure = values[.measure] else { throw reader.complaint(node, "a column needs `measure`") }
    for key in [ClaimKey.says, .source, .below, .above, .between] where values[key] != nil {
      throw reader.complaint(
        node, "`\(key.rawValue)` belongs to a claim; a column has `measure` and what goes with it")
    }
    let measurement = try measurement(measure, of: values)
    if let problem = problem(of: measurement) { throw reader.complaint(node, problem) }
    return SweepSummary.Column(
      title: try values[.title].map { try reader.text($0, "title") } ?? measurement.measure.rawValue,
      measurement: measurement)
  }
}
