import Analysis
import Documents

extension CheckpointComparison {
  /// What cannot be compared, or only with care.
  public var findingTable: Table {
    var table = Table(
      title: "What differs beside the numbers",
      columns: [
        Table.Column("difference", title: "difference", kind: .text),
        Table.Column("tensors", title: "tensors", kind: .text),
        Table.Column("count", title: "count", kind: .integer),
        Table.Column("detail", title: "detail", kind: .text),
      ])
    for finding in findings {
      table.append([
        .text(finding.kind.title), .text(finding.subject),
        finding.labels.isEmpty ? .missing : .integer(finding.labels.count), .text(finding.detail),
      ])
    }
    return table
  }

  /// Mean and range of every gain and learned scale on both sides, by scale and layer; without rows where there are none.
  public var scaleTable: Table {
    func number(_ key: String, _ title: String) -> Table.Column {
      Table.Column(key, title: title, kind: .number(.significant(4)))
    }
    var table = Table(
      title: "Gains and learned scales from A to B",
      columns: [
        Table.Column("scale", title: "scale", kind: .text),
        Table.Column("layer", title: "layer", kind: .text),
        number("mean_a", "mean A"), number("mean_b", "mean B"), number("shift", "shift"),
        number("min_a", "min A"), number("min_b", "min B"), number("max_a", "max A"),
        number("max_b", "max B"), number("relative_difference", "rel. diff."),
      ],
      notes: Array(notes.prefix(1)) + [
        "shift: mean B - mean A. α: gains of the norms that NormFormer adds; γ: HeadScale; λ: ResScale."
      ])
    for gain in gains {
      let (a, b) = (gain.first, gain.second)
      table.append(
        [.text(gain.title), .text(measurement.layerTitle(gain.tensor.label))]
          + [
            a.mean, b.mean, b.mean - a.mean, a.smallest, b.smallest, a.largest, b.largest,
            gain.tensor.sums[0].map { PairStatistics($0).relativeDifference } ?? .nan,
          ].map(Table.Cell.number))
    }
    return table
  }

  /// A gain on both sides.
  struct Gain {
    let title: String
    let tensor: Measurement.Tensor
    let first: GainValues
    let second: GainValues
  }

  /// All gains, those of the paper's letters first, each from the first layer to the last.
  var gains: [Gain] {
    let all = measurement.tensors.compactMap { tensor -> Gain? in
      guard let values = tensor.gains, let first = values[0], let second = values[1] else { return nil }
      return Gain(title: GainName.title(tensor.label.operation), tensor: tensor, first: first, second: second)
    }
    var titles: [String] = []
    for gain in all where !titles.contains(gain.title) { titles.append(gain.title) }
    let lettered = titles.filter { "αγλ".contains($0.first ?? " ") }
    return (lettered + titles.filter { !lettered.contains($0) }).flatMap { title in
      all.filter { $0.title == title }
    }
  }
}
