import Testing
import Text

@Suite struct NumberTextTests {
  @Test func shortestReadsBack() {
    #expect(NumberText.shortest(0.1) == "0.1")
    #expect(NumberText.shortest(250) == "250")
    #expect(NumberText.shortest(-0.0) == "-0")
    #expect(NumberText.shortest(1e-7) == "1e-07")
    #expect([Double.nan, .infinity, -.infinity].map(NumberText.shortest) == ["nan", "inf", "-inf"])
    #expect(NumberText.shortest(-Double.nan) == "nan")
    for number in [1.0 / 3, Double.leastNonzeroMagnitude, 1.7976931348623157e308, 123456789.125, -2.5e-5] {
      #expect(Double(NumberText.shortest(number)) == number)
    }
  }

  @Test(arguments: [
    (0.24123, "0.241"), (0.99962, "1.00"), (9.996, "10.0"), (162.4, "162"), (12345.6, "12346"), (0, "0"),
    (999999.6, "1.00e+06"), (1234567, "1.23e+06"), (0.0001, "0.000100"), (0.00001234, "1.23e-05"),
    (-0.5, "-0.500"), (1e300, "1.00e+300"), (.leastNonzeroMagnitude, "5.00e-324"), (.nan, "nan"),
    (-.infinity, "-inf"),
  ])
  func significantDigits(number: Double, text: String) {
    #expect(NumberText.significant(number, digits: 3) == text)
  }

  @Test(arguments: [
    (0.005, 2, "0.01"), (0.004, 2, "0.00"), (-0.004, 2, "0.00"), (-0.006, 2, "-0.01"), (2.675, 2, "2.68"),
    (99.995, 2, "100.00"), (3, 0, "3"), (2.5, 0, "3"), (0.4, 0, "0"), (1e21, 1, "1000000000000000000000.0"),
  ])
  func fixedDecimals(number: Double, decimals: Int, text: String) {
    #expect(NumberText.fixed(number, decimals: decimals) == text)
  }

  @Test func trimmingLeavesTheWholePart() {
    #expect(NumberText.fixed(100, decimals: 2, trimmed: true) == "100")
    #expect(NumberText.fixed(0.5, decimals: 2, trimmed: true) == "0.5")
    #expect(NumberText.fixed(0, decimals: 2, trimmed: true) == "0")
    #expect(NumberText.fixed(100, decimals: 0, trimmed: true) == "100")
  }
}
