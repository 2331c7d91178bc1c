import Analysis
import Documents
import Foundation
import Kernels
import Testing

@testable import Comparison

/// Against NumPy's singular values (`make_spectra.py`).
@Suite struct SpectrumTests {
  struct Case: Decodable {
    let name: String
    let shape: [Int]
    let elements: [Float]
    let singularValues: [Double]
    let stableRank: Double?
    let effectiveRank: Double?
  }

  private func cases() throws -> [Case] {
    let url = try #require(Bundle.module.url(forResource: "spectra", withExtension: "json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode([Case].self, from: Data(contentsOf: url))
  }

  @Test func matchNumPy() throws {
    for example in try cases() {
      let side = try TinyModels.side("x", [("w", example.shape, example.elements)])
      let spectrum = try #require(
        try Spectrum(of: side.tensors[0], in: side, keeping: example.singularValues.count))
      let first = example.singularValues[0]
      #expect(spectrum.largest.count == example.singularValues.count, "\(example.name)")
      for (found, expected) in zip(spectrum.largest, example.singularValues) {
        // σ² is exact to some 2⁻⁵⁰ σ₁², so σ to half of that of σ₁ where it is small.
        let bound = min(1e-14 * first * first / max(expected, 1e-300), 1e-7 * first)
        #expect(abs(found - expected) <= bound, "\(example.name): \(found) for \(expected)")
      }
      guard let stableRank = example.stableRank, let effectiveRank = example.effectiveRank else {
        #expect(spectrum.stableRank.isNaN && spectrum.effectiveRank.isNaN, "\(example.name)")
        continue
      }
      #expect(abs(spectrum.stableRank - stableRank) <= 1e-12 * stableRank, "\(example.name)")
      // Singular values that are zero come out as up to 1e-8 σ₁, and enter the entropy with that weight times its logarithm.
      #expect(abs(spectrum.effectiveRank - effectiveRank) <= 2e-6 * effectiveRank, "\(example.name)")
    }
  }

  @Test func matricesThatAreNotFiniteHaveNone() throws {
    for value in [Float.nan, .infinity] {
      let side = try TinyModels.side("x", [("w", [2, 3], [1, 2, 3, 4, value, 6])])
      #expect(try Spectrum(of: side.tensors[0], in: side, keeping: 2) == nil)
    }
  }

  @Test func tablesHaveEveryMatrix() throws {
    let comparison = try TinyModels.compare(TinyModels.decoder(), TinyModels.shifted("fc1.weight", by: 1))
    let table = try SpectralComparison(comparison, valueCount: 2, team: TinyModels.team).table
    #expect(table.rows.count == 4)
    let row = try #require(table.rows.first { $0[2] == .text("decoder.layers.1.fc1.weight") })
    // A constant matrix c of 8 rows and 4 columns has rank one and σ₁ = c √32.
    guard case .number(let first) = row[3], case .number(let second) = row[5],
      case .number(let rank) = row[7]
    else {
      Issue.record("no numbers in \(row)")
      return
    }
    #expect(abs(first - 2 * 32.0.squareRoot()) < 1e-12 && abs(second - 3 * 32.0.squareRoot()) < 1e-12)
    #expect(abs(rank - 1) < 1e-12)
  }

  /// More columns than one block, from memory and in float64.
  @Test func blocksAddUp() throws {
    let (rows, columns) = (3, 1_500_000)
    let side = try TinyModels.side(
      "x",
      [
        (
          "w", [rows, columns],
          (0..<rows * columns).map { $0 < columns ? 2 : ($0 < 2 * columns ? ($0 % 2 == 0 ? 1 : -1) : 0) }
        )
      ])
    let spectrum = try #require(try Spectrum(of: side.tensors[0], in: side, keeping: 3))
    // Two orthogonal rows: 2 √n and √n.
    let root = Double(columns).squareRoot()
    #expect(abs(spectrum.largest[0] - 2 * root) < 1e-9 && abs(spectrum.largest[1] - root) < 1e-9)
    #expect(spectrum.largest[2] == 0)
  }
}
