import Documents
import RunData

extension RunReport {
  /// All settings; those in which groups differ first.
  var configurationSection: Document.Section {
    let all = allGroups.map {
      (label: $0.label, keys: ConfigurationKeys(json: $0.group.manifest.configurationJSON))
    }
    let differing = ConfigurationKeys.differing(all.map(\.keys))
    let common = Set(all.flatMap(\.keys.values.keys)).subtracting(differing).sorted()
    var blocks: [Document.Block] = []
    if all.count > 1 {
      blocks.append(
        differing.isEmpty
          ? .text("All groups have the same settings.")
          : .table(
            Document.TablePart(
              "settings-that-differ",
              all.count <= Self.mostColumns ? matrix(differing, all) : list(differing, all))))
    } else {
      blocks.append(
        .absence("settings that differ: there is one group of runs, and its runs differ in their seed alone.")
      )
    }
    if !common.isEmpty {
      var table = Table(
        title: all.count > 1 ? "Settings that all groups share" : "Settings",
        columns: [
          Table.Column("setting", title: "setting", kind: .text),
          Table.Column("value", title: "value", kind: .text),
        ], notes: ["Names are those of the command line's options."])
      for key in common { table.append([.text(key), .text(all[0].keys.values[key] ?? "")]) }
      blocks.append(.table(Document.TablePart("settings", table, isFolded: true)))
    }
    return Document.Section("configuration", "Configuration", blocks)
  }

  /// Groups that stand side by side on a page.
  private static let mostColumns = 5

  private typealias Settings = (label: String, keys: ConfigurationKeys)

  private static let title = "Settings that differ between groups"

  /// A column a group.
  private func matrix(_ keys: [String], _ groups: [Settings]) -> Table {
    var table = Table(
      title: Self.title,
      columns: [Table.Column("setting", title: "setting", kind: .text)]
        + groups.enumerated().map { Table.Column("group_\($0 + 1)", title: $1.label, kind: .text) },
      notes: ["–: not set. Runs of a group differ in their seed alone."])
    for key in keys {
      table.append(
        [.text(key)] + groups.map { group in group.keys.values[key].map { .text($0) } ?? .missing })
    }
    return table
  }

  /// A row a value, with the groups that have it.
  private func list(_ keys: [String], _ groups: [Settings]) -> Table {
    var table = Table(
      title: Self.title,
      columns: [
        Table.Column("setting", title: "setting", kind: .text),
        Table.Column("value", title: "value", kind: .text),
        Table.Column("groups", title: "groups", kind: .text),
      ], notes: ["–: not set. Runs of a group differ in their seed alone."])
    for key in keys {
      var values: [String?] = []
      for value in groups.map(\.keys.values[key]) where !values.contains(value) { values.append(value) }
      for value in values {
        let own = groups.filter { $0.keys.values[key] == value }.map(\.label)
        table.append([.text(key), value.map { .text($0) } ?? .missing, .text(own.joined(separator: "; "))])
      }
    }
    return table
  }
}
