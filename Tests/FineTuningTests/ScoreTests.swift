import Foundation
import Statistics
import Testing

/// Metrics against scikit-learn's and SciPy's (`Tests/golden/metrics.py`).
@Suite struct ScoreTests {
  struct Classes: Decodable {
    let name: String
    let classes: Int
    let labels: [Int]
    let answers: [Int]
    let accuracy: Double
    let matthews: Double
    let f1: Double?
  }

  struct Scores: Decodable {
    let name: String
    let x: [Double]
    let y: [Double]
    let pearson: Double
    let spearman: Double
  }

  struct Golden: Decodable {
    let classes: [Classes]
    let scores: [Scores]
  }

  private func golden() throws -> Golden {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "golden/metrics.json")
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
  }

  @Test func classesAreScikitLearns() throws {
    for golden in try golden().classes {
      let scores = ClassScores(
        answers: golden.answers, labels: golden.labels, classCount: golden.classes)
      // Quotients of the same whole numbers.
      #expect(abs(scores.accuracy - golden.accuracy) < 1e-15, "\(golden.name)")
      #expect(abs(scores.matthews - golden.matthews) < 1e-14, "\(golden.name)")
      if let f1 = golden.f1 { #expect(abs(scores.f1 - f1) < 1e-15, "\(golden.name)") }
    }
  }

  @Test func correlationsAreSciPys() throws {
    for golden in try golden().scores {
      // Float64 on both sides; far from zero a million's rounding, 1e-10, is left of numbers of order 1.
      let tolerance = golden.name == "far from zero" ? 1e-9 : 1e-13
      #expect(abs(Correlation.pearson(golden.x, golden.y) - golden.pearson) < tolerance, "\(golden.name)")
      #expect(abs(Correlation.spearman(golden.x, golden.y) - golden.spearman) < tolerance, "\(golden.name)")
    }
  }

  @Test func whatHasNoCorrelationIsNotANumber() {
    let pairs: [([Double], [Double])] = [
      ([], []), ([1], [2]), ([1, 1, 1], [1, 2, 3]), ([1, .nan], [1, 2]), ([1, 2], [.infinity, 2]),
    ]
    for (x, y) in pairs {
      #expect(Correlation.pearson(x, y).isNaN && Correlation.spearman(x, y).isNaN)
    }
    #expect(ClassScores(answers: [], labels: [], classCount: 2).accuracy.isNaN)
  }

  @Test func theIntervalOfAMedianIsOfOrderStatistics() {
    #expect(MedianInterval.estimate(of: [3, 1, 2, 5, 4]).interval == nil)
    #expect(MedianInterval.estimate(of: [3, 1, 2, 5, 4]).value == 3)
    // 1 - 2/64 = 96.9 % of six.
    let six = MedianInterval.estimate(of: [6, 1, 3, 2, 5, 4])
    #expect(six == Estimate(value: 3.5, interval: Interval(lower: 1, upper: 6)))
    // Of ten the second and the ninth: 1 - 2 (1 + 10)/1024 = 97.9 %; the third would leave 10.9 % outside.
    let ten = MedianInterval.estimate(of: (1...10).map { Double($0) })
    #expect(ten.interval == Interval(lower: 2, upper: 9))
  }
}
