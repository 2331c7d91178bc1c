import Analysis
import Documents
import Kernels
import Synchronization

/// The spectra of all matrices that two checkpoints have in one shape.
public struct SpectralComparison: Sendable {
  struct Entry: Sendable {
    let layer: String
    let tensor: Measurement.Tensor
    /// Of A and B; nil for a matrix with elements that are not finite.
    let spectra: [Spectrum?]
  }

  let entries: [Entry]
  /// Matrices that are too large.
  let leftOut: [TensorLabel]
  let valueCount: Int
  private let titles: String

  /// Computes the spectra, each on one thread.
  ///
  /// - Parameter valueCount: how many of the largest singular values are kept.
  /// - Throws: where a file cannot be read.
  public init(_ comparison: CheckpointComparison, valueCount: Int, team: Team) throws {
    let measurement = comparison.measurement
    let matrices = measurement.tensors.filter { $0.shape.count == 2 && $0.isNumeric && !$0.shape.contains(0) }
    let chosen = matrices.filter { $0.shape.min().map { $0 <= Spectrum.largestSide } == true }
    leftOut = matrices.filter { $0.shape.min().map { $0 > Spectrum.largestSide } == true }.map(\.label)
    self.valueCount = valueCount
    titles = "A: \(measurement.sides[0].title). B: \(measurement.sides[1].title)."
    let found = Mutex<[[Spectrum?]]>(chosen.map { _ in [nil, nil] })
    let failure = Mutex<(any Error)?>(nil)
    team.forEach(taskCount: 2 * chosen.count) { task, _ in
      guard failure.withLock({ $0 == nil }) else { return }
      let (side, label) = (measurement.sides[task % 2], chosen[task / 2].label)
      guard let tensor = side.tensors.first(where: { $0.label == label }) else { return }
      do {
        let spectrum = try Spectrum(of: tensor, in: side, keeping: valueCount)
        found.withLock { $0[task / 2][task % 2] = spectrum }
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    entries = zip(chosen, found.withLock { $0 }).map { tensor, spectra in
      Entry(layer: measurement.layerTitle(tensor.label), tensor: tensor, spectra: spectra)
    }
  }

  /// One row a matrix: the largest singular value, stable and effective rank on both sides; CSV and JSON have all the values
  /// that were kept.
  public var table: Table {
    func number(_ key: String, _ title: String, _ audience: Table.Audience = .everyone) -> Table.Column {
      Table.Column(key, title: title, kind: .number(.significant(4)), audience: audience)
    }
    let values = ["a", "b"].flatMap { side in
      (1...max(1, valueCount)).map { index in
        number(
          "sigma_\(index)_\(side)", "σ\(index) \(side.uppercased())", index == 1 ? .everyone : .data)
      }
    }
    var table = Table(
      title: "Singular values of A and B",
      columns: [
        Table.Column("layer", title: "layer", kind: .text),
        Table.Column("operation", title: "operation", kind: .text),
        Table.Column("tensor", title: "tensor", kind: .text, audience: .data),
      ] + values + [
        number("stable_rank_a", "stable A"), number("stable_rank_b", "stable B"),
        number("effective_rank_a", "effect. A"), number("effective_rank_b", "effect. B"),
      ], notes: notes)
    for entry in entries { table.append(row(entry)) }
    return table
  }

  private func row(_ entry: Entry) -> [Table.Cell] {
    let values = entry.spectra.flatMap { spectrum in
      (0..<max(1, valueCount)).map { index -> Table.Cell in
        guard let spectrum else { return .number(.nan) }
        return index < spectrum.largest.count ? .number(spectrum.largest[index]) : .missing
      }
    }
    let label = entry.tensor.label
    return [.text(entry.layer), .text(label.operation), .text(label.fullName)] + values
      + entry.spectra.map { .number($0?.stableRank ?? .nan) }
      + entry.spectra.map { .number($0?.effectiveRank ?? .nan) }
  }

  private var notes: [String] {
    var notes = [
      titles,
      "stable: Σσ² / σ1² (Rudelson and Vershynin 2007). effect.: effective rank, e to the entropy of σ / Σσ (Roy and"
        + " Vetterli 2007). From the Gram matrix of the smaller side in float64: singular values below some 1e-7 of σ1 are"
        + " rounding noise.",
    ]
    if !leftOut.isEmpty {
      let names = leftOut.prefix(3).map(\.fullName).joined(separator: ", ")
      notes.append(
        "Left out, because more than \(Spectrum.largestSide) rows and columns: \(leftOut.count) (\(names)"
          + (leftOut.count > 3 ? ", …)." : ")."))
    }
    return notes
  }
}
