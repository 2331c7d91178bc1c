import RunData

// What is recorded now and then: learned scales, and losses on held-out text.
extension RunSchema {
  static func snapshotGroups(_ manifest: RunManifest) -> [ColumnGroup<ScaleSnapshot>] {
    manifest.scales.isEmpty
      ? []
      : [ColumnGroup("scales", manifest.scales.map(scaleColumn)) { $0.values.map { .floats($0) } }]
  }

  static func snapshotTable(_ groups: [ColumnGroup<ScaleSnapshot>]) -> Table {
    Table(
      marker: Column(name: "snapshot", number: .int64, longName: "optimizer updates before the snapshot"),
      columns: [Column](groups), checksums: ["snapshot_checksum"])
  }

  private static func scaleColumn(_ scale: ScaleLayout) -> Column {
    let axis: Dimension =
      switch scale.axis {
      case .modelElement: .modelElement
      case .ffnElement: .ffnElement
      case .head: .head
      case .headElement: .headElement
      case .single: .single
      }
    return Column(
      name: "scale_" + scale.name, number: .float32, dimensions: [.layer, axis],
      longName: "learned values of \(scale.name)")
  }

  static func validationGroups(_ manifest: RunManifest) -> [ColumnGroup<ValidationRecord>] {
    let loss = ColumnGroup<ValidationRecord>(
      "validation",
      [
        Column(
          name: "validation_loss", number: .float64, units: "nat",
          longName: "mean token negative log-likelihood on held-out text")
      ]
    ) { [.reals([$0.loss])] }
    guard !manifest.metrics.isEmpty else { return [loss] }
    return [
      loss,
      ColumnGroup("metrics", manifest.metrics.map(column)) { $0.metrics.map { .reals([$0]) } },
    ]
  }

  static func validationTable(_ groups: [ColumnGroup<ValidationRecord>]) -> Table {
    Table(
      marker: Column(
        name: "validation_step", number: .int64, longName: "optimizer updates before the validation"),
      columns: [Column](groups), checksums: ["validation_checksum"])
  }

  /// The variable that keeps a metric.
  static func variable(of metric: TaskMetric) -> String { "validation_\(metric.rawValue)" }

  private static func column(of metric: TaskMetric) -> Column {
    Column(
      name: variable(of: metric), number: .float64,
      longName: "\(metric.rawValue) on a task's held-out examples")
  }
}
