import RealModule
import RunData
import Statistics

/// A grid's combinations side by side, in a few numbers each: what somebody who chooses among them looks at.
///
/// A row is a combination of the axes that no column names a value of. Where the sweep chooses the best value of an axis and a column
/// names none, the column is measured at each row's own best.
public struct SweepSummary: Sendable {
  /// One number of every row.
  public struct Column: Sendable {
    /// What readers are told that it is.
    public var title: String
    /// What is measured. `of` and `against` name values of axes beyond those of the row; those of `against` win over the row's.
    public var measurement: Measurement

    /// Creates a column.
    public init(title: String, measurement: Measurement) {
      self.title = title
      self.measurement = measurement
    }
  }

  /// The number of one row in one column.
  public struct Value: Sendable {
    /// Over seeds: of ratios the geometric mean, with the interval of the report's runs.
    public let estimate: Estimate
    /// Whether seeds are among them that did not get to their number, which is larger.
    public let isLowerBound: Bool
    /// Why seeds are missing; nil where none are.
    public let problem: String?
  }

  /// A combination of the rows' axes.
  public struct Row: Sendable {
    /// Its value of each of ``axes``.
    public let values: [String]
    /// One a column.
    public let numbers: [Value]
    /// What is to be said of the run behind it; empty where nothing is.
    public let note: String
    /// Whether it is the sweep's baseline.
    public let isBaseline: Bool
  }

  /// The columns, in order.
  public let columns: [Column]
  /// Names of the axes whose combinations are the rows; the first one's values are a figure's lines.
  public let axes: [String]
  /// The rows: ordered by the first column, the smallest first, in all series as in the first one.
  public let rows: [Row]
  let report: SweepReport

  /// Measures a grid.
  ///
  /// - Parameter axes: as ``axes(_:chosen:columns:lines:)`` gives them.
  public init(_ report: SweepReport, columns: [Column], axes: [String]) {
    self.report = report
    self.columns = columns
    self.axes = axes
    let places = axes.compactMap { report.axes.firstIndex(of: $0) }
    let combinations = report.cells.map { cell in places.map { cell.values[$0] } }.uniqued()
    rows = Self.ordered(combinations.map { Self.row($0, axes, columns, report) })
  }

  /// The axes that rows run over: those that no column names a value of and that nothing is chosen from, the lines' first.
  ///
  /// - Parameters:
  ///   - all: names of a sweep's axes, with how many values each has.
  ///   - chosen: the axis of which each combination of the others keeps its best value.
  ///   - lines: the axis whose values are a figure's lines; nil takes the one with the most.
  /// - Throws: ``AnalysisError/summary(_:)``, where no axis is left for rows, or a column leaves open which cell it means.
  public static func axes(
    _ all: [(name: String, count: Int)], chosen: String?, columns: [Column], lines: String?
  ) throws(AnalysisError) -> [String] {
    let named = Set(columns.flatMap { $0.measurement.of.keys })
    for column in columns {
      let open = named.subtracting(column.measurement.of.keys).filter { $0 != chosen }.sorted()
      guard open.isEmpty else {
        throw .summary("the column \(column.title) names no value of \(open[0]), which other columns do")
      }
    }
    let left = all.filter { !named.contains($0.name) && $0.name != chosen }
    guard let most = left.max(by: { $0.count < $1.count }) else {
      throw .summary("the columns name a value of every axis, which leaves none for rows")
    }
    let first = lines ?? most.name
    guard left.contains(where: { $0.name == first }) else {
      throw .summary("no rows can run over \(first); there are \(left.map(\.name).joined(separator: ", "))")
    }
    return [first] + left.map(\.name).filter { $0 != first }
  }

  private static func row(
    _ values: [String], _ axes: [String], _ columns: [Column], _ report: SweepReport
  ) -> Row {
    let own = Dictionary(uniqueKeysWithValues: zip(axes, values))
    let cells = columns.compactMap { report.cell(matching: own.merging($0.measurement.of) { $1 }) }
    let notLearning = cells.filter { !$0.hasRisingRate }.map(\.seedsNotLearning.count).max() ?? 0
    let baseline = report.baseline.map { report.cells[$0].values }
    return Row(
      values: values, numbers: columns.map { value(of: $0.measurement, own, report) },
      note: notLearning == 0 ? "" : "not learning yet (\(notLearning) of \(report.seeds.count))",
      isBaseline: baseline.map { baseline in
        own.allSatisfy { axis, value in
          report.axes.firstIndex(of: axis).map { baseline[$0] == value } ?? false
        }
      } ?? false)
  }

  private static func value(
    of measurement: Measurement, _ row: [String: String], _ report: SweepReport
  ) -> Value {
    let own = row.merging(measurement.of) { $1 }
    let other =
      measurement.against.isEmpty
      ? nil : report.cell(matching: own.merging(measurement.against) { $1 })
    guard let cell = report.cell(matching: own), measurement.against.isEmpty || other != nil else {
      return Value(
        estimate: .undefined, isLowerBound: false, problem: "no such cell, or no run that ended well")
    }
    let samples = ClaimSamples(measurement, of: cell, against: other, in: report)
    let numbers = samples.values.merging(samples.floors) { own, _ in own }.sorted { $0.key < $1.key }.map(
      \.value)
    // Seeds that all chose one of a few values tell no interval.
    var estimate = measurement.measure.mean(of: numbers, report.intervals)
    if Set(numbers).count == 1 { estimate.interval = nil }
    return Value(
      estimate: estimate, isLowerBound: !samples.floors.isEmpty,
      problem: samples.problem)
  }

  /// By the first column in the first series; lines without a number last, as they came.
  private static func ordered(_ rows: [Row]) -> [Row] {
    func series(_ row: Row) -> [String] { Array(row.values.dropFirst()) }
    let first = rows.first.map(series) ?? []
    let ranked = rows.filter { series($0) == first }.enumerated().sorted { one, other in
      let (left, right) = (one.element.numbers[0].estimate.value, other.element.numbers[0].estimate.value)
      if left.isNaN || right.isNaN {
        return left.isNaN == right.isNaN ? one.offset < other.offset : right.isNaN
      }
      return left == right ? one.offset < other.offset : left < right
    }.map { $0.element.values[0] }
    let place = Dictionary(uniqueKeysWithValues: ranked.enumerated().map { ($0.element, $0.offset) })
    return rows.map(series).uniqued().flatMap { own in
      rows.filter { series($0) == own }.sorted { (place[$0.values[0]] ?? 0) < (place[$1.values[0]] ?? 0) }
    }
  }
}

extension Claim.Measure {
  /// Numbers of seeds as one, with an interval: of ratios on their logarithms.
  func mean(of numbers: [Double], _ rule: IntervalRule) -> Estimate {
    let mean = rule.mean(of: numbers.map(scaled))
    return isRatio ? mean.mapped { Double.pow(10, $0) } : mean
  }
}

extension Array where Element: Hashable {
  /// Each element once, where it comes first.
  func uniqued() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
