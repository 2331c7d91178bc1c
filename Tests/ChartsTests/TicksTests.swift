import Testing

@testable import Charts

@Suite struct TicksTests {
  private func labels(_ kind: Scale.Kind, _ lower: Double, _ upper: Double, count: Int = 6) -> [String] {
    Scale(kind, from: lower, to: upper).ticks(maximumCount: count).major.map {
      $0.label + ($0.exponent.map { "^" + $0 } ?? "")
    }
  }

  @Test func linear() {
    #expect(labels(.linear, 0, 600) == ["0", "200", "400", "600"])
    #expect(labels(.linear, 0, 1) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(labels(.linear, -1.3, 1.3) == ["−1.0", "−0.5", "0.0", "0.5", "1.0"])
    #expect(labels(.linear, 0.1, 0.3) == ["0.10", "0.15", "0.20", "0.25", "0.30"])
    #expect(
      labels(.linear, 1_000_000, 1_000_004) == ["1000000", "1000001", "1000002", "1000003", "1000004"])
    #expect(labels(.linear, 0, 4e7) == ["0", "1·10^7", "2·10^7", "3·10^7", "4·10^7"])
    #expect(
      labels(.linear, 0, 1e12) == ["0", "0.2·10^12", "0.4·10^12", "0.6·10^12", "0.8·10^12", "1.0·10^12"])
    #expect(labels(.linear, 0, 3e-8) == ["0", "1·10^−8", "2·10^−8", "3·10^−8"])
  }

  @Test func wholeNumbersOnly() {
    let ticks = Scale(.linear, from: -0.5, to: 2.2).ticks(maximumCount: 6, wholeNumbers: true)
    #expect(ticks.major.map(\.label) == ["0", "1", "2"])
    #expect(ticks.minor.isEmpty)
  }

  @Test func logarithmicDecades() {
    #expect(labels(.log10, 5, 2000) == ["10", "100", "1000"])
    #expect(labels(.log10, 1e-5, 1e3, count: 5) == ["10^−4", "10^−2", "10^0", "10^2"])
    #expect(labels(.log10, 1e-30, 1, count: 6) == ["10^−30", "10^−24", "10^−18", "10^−12", "10^−6", "10^0"])
  }

  @Test func logarithmicLessThanThreeDecades() {
    #expect(labels(.log10, 18, 375) == ["20", "50", "100", "200"])
    #expect(labels(.log10, 2.1, 4.9) == ["2.5", "3.0", "3.5", "4.0", "4.5"])
    #expect(labels(.log10, 2, 3).count >= 3)
    #expect(labels(.log10, 1.0001, 1.0002).count >= 3)
    // Two decades and more, with room for few: not the round numbers of a linear axis, all at its upper end.
    #expect(labels(.log10, 0.14, 25, count: 5) == ["0.3", "1", "3", "10"])
    #expect(labels(.log10, 0.14, 25, count: 3) == ["1", "10"])
    #expect(labels(.log10, 1.4e-7, 9e-6) == ["2·10^−7", "5·10^−7", "10^−6", "2·10^−6", "5·10^−6"])
  }

  /// Every range has two to `maximumCount` labels, all inside it, ascending, no two alike.
  @Test func everyRangeHasReadableTicks() {
    let lowers = [1e-300, 1e-30, 3e-9, 0.07, 1, 18, 999, 4e7, 1e200]
    let ratios = [1.00001, 1.01, 1.3, 2, 5, 12, 90, 1e3, 1e6, 1e12, 1e30, 1e90]
    for lower in lowers {
      for ratio in ratios {
        for kind in [Scale.Kind.log10, .linear] {
          let upper = lower * ratio
          let ticks = Scale(kind, from: lower, to: upper).ticks(maximumCount: 6)
          let values = ticks.major.map(\.value)
          let name = "\(kind) \(lower) to \(upper): \(ticks.major.map(\.label))"
          #expect((2...6).contains(values.count), "\(name)")
          #expect(values == values.sorted(), "\(name)")
          // A millionth of the axis is less than a hair's breadth.
          let scale = Scale(kind, from: lower, to: upper)
          let fractions = values.compactMap { scale.fraction($0) }
          #expect(fractions.count == values.count, "\(name)")
          #expect(fractions.allSatisfy { $0 > -1e-6 && $0 < 1 + 1e-6 }, "\(name)")
          #expect(Set(ticks.major.map { $0.label + ($0.exponent ?? "") }).count == values.count, "\(name)")
          #expect(ticks.minor.count < 100, "\(name)")
          #expect(Set(ticks.minor).isDisjoint(with: values), "\(name)")
        }
      }
    }
  }

  @Test func minorTicksOfADecade() {
    let ticks = Scale(.log10, from: 1, to: 1000).ticks(maximumCount: 6)
    #expect(ticks.minor.count == 24)
    // Multiples up to 10 would leave the upper half of such an axis without a label.
    #expect(
      Scale(.log10, from: 6, to: 14).ticks(maximumCount: 6).major.map(\.label) == [
        "6", "8", "10", "12", "14",
      ])
    #expect(Scale(.log10, from: 1e-30, to: 1e30).ticks(maximumCount: 6).minor.count > 10)
  }

  @Test func scalesCoverWhatTheyAreGiven() {
    let scale = Scale.covering(Extent(lower: 10, upper: 1000), kind: .log10, padding: 0.1)
    #expect(abs((scale.fraction(10) ?? 0) - 0.1 / 1.2) < 1e-12)
    #expect(scale.fraction(0) == nil && scale.fraction(-1) == nil && scale.fraction(.nan) == nil)
    for kind in [Scale.Kind.linear, .log10] {
      for extent in [nil, Extent(lower: 5, upper: 5), Extent(lower: 1e-300, upper: 1e-300)] {
        let scale = Scale.covering(extent, kind: kind)
        let fraction = scale.fraction(extent?.lower ?? 1) ?? -1
        #expect(fraction >= 0 && fraction <= 1)
        #expect(!scale.ticks(maximumCount: 5).major.isEmpty)
      }
    }
    for extent in [Extent(lower: -1.7e308, upper: 1.7e308), Extent(lower: 1e-300, upper: 1.7e308)] {
      #expect(!Scale.covering(extent, kind: .linear).ticks(maximumCount: 5).major.isEmpty)
    }
    let widest = Scale.covering(Extent(lower: 1e-300, upper: 1.7e308), kind: .log10)
    #expect((2...5).contains(widest.ticks(maximumCount: 5).major.count))
    #expect(Scale.covering(Extent(lower: 0, upper: 0), kind: .linear).fraction(0) == 0.5)
  }
}
