import Charts
import Documents
import RealModule
import RunData
import SnapshotSupport
import Statistics
import Testing

@testable import Analysis

/// Reports on models at initialisation, from states with known laws.
struct StartTests {
  /// Last gradient ∝ depth^exponent, first one a half of it; stream sizes start + growth · l, at d = 4.
  private func state(depth: Int, exponent: Double, growth: Double, factor: Double = 1) -> StartState {
    var state = StartState(layerCount: depth, tensors: ["fc1.weight", "fc2.weight"])
    let last = factor * Double.pow(10, exponent * Double.log10(Double(depth)))
    let norms = (0..<depth).map { (layer: Int) -> Double in
      last * (0.5 + 0.5 * Double(layer) / Double(depth - 1))
    }
    state.gradientNorms = ["fc1.weight": norms, "fc2.weight": norms]
    state.streamSquares = (0...depth).map { layer in
      // One position in eight lies 60 % above the others.
      let size = 4 * (1 + growth * Double(layer))
      return Array(repeating: size, count: 7) + [1.6 * size]
    }
    return state
  }

  private var report: StartReport {
    let entries = [("Post-LN", 0.0, 0.0), ("Pre-LN", -0.5, 1.0)].flatMap { label, exponent, growth in
      [4, 8, 16].map { depth in
        StartReport.Entry(
          label: label, depth: depth,
          states: [0.9, 1, 1.1].map { state(depth: depth, exponent: exponent, growth: growth, factor: $0) })
      }
    }
    return StartReport(
      entries: entries, tensor: "fc2.weight", otherTensor: "fc1.weight", modelDim: 4, batchCount: 2,
      seedCount: 3, setting: "made in code")
  }

  @Test func exponentsRatiosAndGrowthComeOutAsTheyWentIn() {
    let report = report
    #expect(abs(report.depthExponent("Post-LN").value) < 1e-12)
    #expect(abs(report.depthExponent("Pre-LN").value + 0.5) < 1e-12)
    #expect(abs(report.lateOverEarly("Pre-LN", "fc2.weight").value - 2) < 1e-12)
    // The eighth position makes the mean 1.075 of the others.
    #expect(abs(report.growth("Pre-LN").value - 1.075) < 1e-12 && abs(report.growth("Post-LN").value) < 1e-12)
    #expect(report.unboundedShare(report.entries[0], layer: 2).value == 0.125)
    #expect(report.depthExponent("Peri-LN").value.isNaN)
  }

  @Test func tableAndFiguresMatchTheSnapshots() throws {
    try expectSnapshot(report.table.rendered(as: .table), named: "start-table.txt")
    let figures = [
      (
        "start-depth",
        try #require(report.depthFigure(program: "nf-probe 0.1.0 (test)", command: "nf-probe init"))
      ),
      ("start-layers", report.layerFigure(program: "nf-probe 0.1.0 (test)", command: "nf-probe init")),
      ("start-stream", report.streamFigure(program: "nf-probe 0.1.0 (test)", command: "nf-probe init")),
    ]
    for (name, figure) in figures {
      #expect(SVGCheck(figure.svg).problems == [])
      try expectSnapshot(figure.svg, named: "\(name).svg")
    }
  }
}
