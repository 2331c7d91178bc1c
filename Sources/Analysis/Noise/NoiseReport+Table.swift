import Documents
import RunData
import Statistics
import Text

extension NoiseReport {
  /// The layers shown, what lies outside of them, and the whole; one row a group and place.
  public var table: Table {
    table(of: { place in
      if case .layer(let layer) = place { layersShown.contains(layer) } else { true }
    })
  }

  /// Every layer.
  public var longTable: Table { table(of: { _ in true }) }

  private func table(of isShown: (Place) -> Bool) -> Table {
    var table = Table(
      title: "Noise scale of \(operation.map { "the gradient of \($0)" } ?? "the gradient"), \(window.title)",
      columns: [
        Table.Column("architecture", title: "architecture", kind: .text),
        Table.Column("place", title: "of", kind: .text),
        Table.Column("noise_scale", title: "noise scale (tokens)", kind: .estimate(.significant(3))),
        Table.Column("at_least", title: "at least", kind: .number(.significant(2)), priority: 2),
        Table.Column("signal", title: "signal", kind: .estimate(.significant(2)), priority: 1),
        Table.Column("batch", title: "batch (tokens)", kind: .number(.significant(4)), priority: 3),
        Table.Column("interval", title: "n", kind: .text, priority: 4),
      ] + (showsNorms ? [Self.normsColumn] : []), notes: notes)
    for entry in entries {
      for (index, (place, estimate)) in entry.estimates.enumerated() where isShown(place) {
        let row: [Table.Cell] = [
          .text(entry.group.label), .text(title(of: place)), .estimate(estimate.noiseScale),
          estimate.leastNoiseScale.map { .number($0) } ?? .missing, .estimate(estimate.signalShare),
          .number(estimate.tokens), .text(estimate.method.summary),
        ]
        let norms = entry.fromNorms.map { Table.Cell.estimate($0[index].noiseScale) } ?? .missing
        table.append(row + (showsNorms ? [norms] : []))
      }
    }
    return table
  }

  func title(of place: Place) -> String {
    switch place {
    case .layer(let layer): "layer \(layer)"
    case .outside: "outside the layers"
    case .whole: operation == nil ? "whole model" : "all layers"
    }
  }

  private var showsNorms: Bool { entries.contains { $0.fromNorms != nil } }

  private static let normsColumn = Table.Column(
    "from_norms", title: "from norms", kind: .estimate(.significant(3)), priority: 5)

  /// What the column from norms is, and how well it follows the one from parts.
  private var normNotes: [String] {
    guard showsNorms else { return [] }
    let following = entries.compactMap { entry in
      entry.following?.words.map { "\(entry.group.label): \($0)" }
    }
    let found =
      following.isEmpty
      ? "" : " Here the noise scale of the whole model is, of \(following.joined(separator: "; of "))."
    return [
      "From norms: the noise scale of the norms' gains and biases alone, from their gradients by sequence at every step (Gray et al. 2024,"
        + " arXiv 2411.00999), which follows that of all tensors up to a factor.\(found)"
    ]
  }

  private var notes: [String] {
    let lengths = Set(entries.compactMap(\.sequenceLength)).sorted()
    let sequences =
      lengths.isEmpty
      ? ""
      : " Divide by the \(lengths.map(String.init).joined(separator: " or ")) tokens of a sequence for sequences."
    return [
      "Noise scale: tr Σ / |G|², the batch at which noise and signal are equally large (McCandlish et al. 2018); a quotient of means over"
        + " the window. Signal: its share of |g|² at this batch, 1 / (1 + noise scale / batch).",
      "Parts are of whole sequences, whose tokens are not independent.\(sequences) Undefined where the signal is not resolved, which cannot be"
        + " told from none: the noise scale is at least the number beside.",
    ] + normNotes + [
      "A theory of SGD: with Adam it tells layers and runs apart, but is no best batch size (Merrill et al. 2025, arXiv 2505.23971)."
    ]
  }
}
