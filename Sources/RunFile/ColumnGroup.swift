/// Columns that stand together in a file, and what a record gives them: the one list that files are made by, rows are written by, and that other
/// programs get (`schema.json`).
struct ColumnGroup<Record>: Sendable {
  /// What the list calls it.
  let name: String
  let columns: [RunSchema.Column]
  /// The columns' values, in order.
  let values: @Sendable (Record) -> [RowValue]

  /// Creates a group whose values come together.
  init(_ name: String, _ columns: [RunSchema.Column], _ values: @escaping @Sendable (Record) -> [RowValue]) {
    (self.name, self.columns, self.values) = (name, columns, values)
  }

  /// Creates a group of columns with a value each.
  init(_ name: String, _ columns: [ValuedColumn<Record>]) {
    self.init(name, columns.map(\.column)) { record in columns.map { $0.value(record) } }
  }

  /// The group without the columns that a file of an earlier program lacks.
  func restricted(to isThere: (String) throws -> Bool) rethrows -> ColumnGroup {
    let kept = try columns.indices.filter { try !columns[$0].isLater || isThere(columns[$0].name) }
    return ColumnGroup(name, kept.map { columns[$0] }) { [values] record in
      let row = values(record)
      return kept.map { row[$0] }
    }
  }
}

/// A column with what a record gives it.
struct ValuedColumn<Record>: Sendable {
  let column: RunSchema.Column
  let value: @Sendable (Record) -> RowValue

  init(
    _ name: String, _ number: RunSchema.Number, _ longName: String, dimensions: [RunSchema.Dimension] = [],
    units: String = "1", checksum: Int = 0, isLater: Bool = false,
    _ value: @escaping @Sendable (Record) -> RowValue
  ) {
    column = RunSchema.Column(
      name: name, number: number, dimensions: dimensions, units: units, longName: longName,
      checksum: checksum, isLater: isLater)
    self.value = value
  }
}

extension [RunSchema.Column] {
  /// The columns of groups, in order.
  init<Record>(_ groups: [ColumnGroup<Record>]) { self = groups.flatMap(\.columns) }
}

extension Array {
  /// A record's values in the columns of groups, in order.
  func row<Record>(_ record: Record) -> [RowValue] where Element == ColumnGroup<Record> {
    flatMap { $0.values(record) }
  }
}
