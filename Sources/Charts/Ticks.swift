import RealModule
import Text

/// A labelled tick of an axis.
public struct Tick: Equatable, Sendable {
  /// The number that it stands at.
  public var value: Double
  /// Its label.
  public var label: String
  /// What is set above the end of the label, smaller: the 3 of 10³.
  public var exponent: String?

  /// Creates a tick.
  public init(value: Double, label: String, exponent: String? = nil) {
    self.value = value
    self.label = label
    self.exponent = exponent
  }
}

/// The ticks of an axis.
public struct Ticks: Equatable, Sendable {
  /// Those with a label.
  public var major: [Tick]
  /// Those without.
  public var minor: [Double]
}

extension Scale {
  /// Ticks at round numbers, at most `maximumCount` of them labelled.
  /// - Parameter wholeNumbers: whether the ticks of a linear axis are whole numbers.
  /// - Precondition: `maximumCount` is at least 2.
  public func ticks(maximumCount: Int, wholeNumbers: Bool = false) -> Ticks {
    precondition(maximumCount >= 2, "an axis needs two labels")
    guard kind == .log10 else {
      var ticks = Self.linearTicks(
        from: ends.lower, to: ends.upper, maximumCount: maximumCount, leastPower: wholeNumbers ? 0 : .min)
      if wholeNumbers { ticks.minor.removeAll { $0.rounded() != $0 } }
      return ticks
    }
    return logarithmicTicks(maximumCount: maximumCount)
  }

  /// Ticks at round numbers whose labels keep a distance along an axis of a length, in points.
  ///
  /// As many as fit; where not even two do, those without room lose their label.
  /// - Parameter extent: how much of the axis a label takes.
  func ticks(
    maximumCount: Int, wholeNumbers: Bool = false, length: Double, gap: Double, extent: (Tick) -> Double
  ) -> Ticks {
    func labelled(_ ticks: Ticks) -> [Tick] {
      var free = -Double.infinity
      return ticks.major.sorted { $0.value < $1.value }.filter { tick in
        guard let place = fraction(tick.value) else { return false }
        let half = extent(tick) / 2
        guard place * length - half >= free else { return false }
        free = place * length + half + gap
        return true
      }
    }
    for count in stride(from: maximumCount, through: 2, by: -1) {
      let ticks = ticks(maximumCount: count, wholeNumbers: wholeNumbers)
      if labelled(ticks).count == ticks.major.count { return ticks }
    }
    var ticks = ticks(maximumCount: 2, wholeNumbers: wholeNumbers)
    let kept = labelled(ticks)
    ticks.minor = (ticks.minor + ticks.major.filter { !kept.contains($0) }.map(\.value)).sorted()
    ticks.major = kept
    return ticks
  }

  // MARK: - Linear

  /// Multiples of 1, 2 or 5 times a power of ten; unlabelled ones at a half or a fifth of that.
  private static func linearTicks(
    from lower: Double, to upper: Double, maximumCount: Int, leastPower: Int = .min
  ) -> Ticks {
    var power = max(
      leastPower, Int(Double.log10((upper - lower) / Double(maximumCount)).rounded(.down)))
    var choice = 0
    let choices = [1, 2, 5]
    func multiples(_ choice: Int, _ power: Int) -> ClosedRange<Double>? {
      let step = Double(choice) * Double.pow(10, Double(power))
      // A ten-millionth of a step is rounding, not a tick left out.
      let (first, last) = ((lower / step - 1e-7).rounded(.up), (upper / step + 1e-7).rounded(.down))
      return first <= last ? first...last : nil
    }
    while let range = multiples(choices[choice], power),
      Int(range.upperBound - range.lowerBound) + 1 > maximumCount
    {
      choice += 1
      if choice == choices.count { (choice, power) = (0, power + 1) }
    }
    guard let range = multiples(choices[choice], power) else { return Ticks(major: [], minor: []) }
    let multiples = stride(from: range.lowerBound, through: range.upperBound, by: 1).map {
      $0 * Double(choices[choice])
    }
    let major = linearTicks(multiples: multiples, power: power)
    let division = choices[choice] == 2 ? 2.0 : 5.0
    let step = Double(choices[choice]) * Double.pow(10, Double(power)) / division
    let minor = stride(from: (lower / step - 1e-7).rounded(.up), through: upper / step + 1e-7, by: 1)
      .filter { $0.truncatingRemainder(dividingBy: division) != 0 }.map { $0 * step }
    return Ticks(major: major, minor: minor)
  }

  /// The ticks at `multiple · 10^power`, from whole numbers so that no label has rounding noise.
  ///
  /// Numbers with more than seven digits before or six behind the point are written as multiples of the power of ten of the
  /// largest.
  private static func linearTicks(multiples: [Double], power: Int) -> [Tick] {
    let largest = multiples.map(abs).max() ?? 0
    let top = power + (largest == 0 ? 0 : exponentOfTen(largest))
    let isPlain = top <= 6 && power >= -6
    return multiples.map { multiple in
      let value =
        power >= 0 ? multiple * Double.pow(10, Double(power)) : multiple / Double.pow(10, Double(-power))
      if isPlain || multiple == 0 {
        let text = NumberText.fixed(value, decimals: isPlain ? max(0, -power) : 0)
        return Tick(value: value, label: typographic(text))
      }
      let mantissa = NumberText.fixed(multiple / Double.pow(10, Double(top - power)), decimals: top - power)
      return Tick(value: value, label: typographic(mantissa) + "·10", exponent: typographic("\(top)"))
    }
  }

  // MARK: - Logarithmic

  /// Powers of ten; where the axis holds fewer than three, also their multiples by 2 and 5, by 1 to 9, by 3, and at last round
  /// numbers as on a linear axis.
  private func logarithmicTicks(maximumCount: Int) -> Ticks {
    let decades =
      Int(ends.lower.rounded(.up))...max(Int(ends.lower.rounded(.up)), Int(ends.upper.rounded(.down)))
    let stride = max(1, (decades.count + maximumCount - 1) / maximumCount)
    let powers = decades.filter { $0 % stride == 0 && contains(power: $0) }
    if powers.count >= 3 || ends.upper - ends.lower > 3 {
      return Ticks(
        major: powers.map { tick(1, power: $0, range: powers) }, minor: minorTicks(labelled: powers))
    }
    for multiples in [[1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3]] {
      let found = ticks(atMultiples: multiples)
      if found.count >= 3, found.count <= maximumCount, reachAcross(found) {
        let values = found.map(\.value)
        return Ticks(major: found, minor: minorTicks(labelled: []).filter { !values.contains($0) })
      }
    }
    // Round numbers as on a linear axis would all stand at its upper end.
    guard ends.upper - ends.lower < 1.3 || powers.count < 2 else {
      return Ticks(
        major: powers.map { tick(1, power: $0, range: powers) }, minor: minorTicks(labelled: powers))
    }
    return narrowTicks(maximumCount: maximumCount)
  }

  /// Whether labels stand along most of the axis, not at one end of it alone.
  private func reachAcross(_ ticks: [Tick]) -> Bool {
    guard let first = ticks.first, let last = ticks.last else { return false }
    let length = Double.log10(last.value) - Double.log10(first.value)
    return length >= 0.62 * (ends.upper - ends.lower)
  }

  private func contains(power: Int) -> Bool { Double(power) >= ends.lower && Double(power) <= ends.upper }

  private func ticks(atMultiples multiples: [Int]) -> [Tick] {
    let powers = Int(ends.lower.rounded(.down))...Int(ends.upper.rounded(.up))
    return powers.flatMap { power in
      multiples.filter { isInside($0, power) }.map { tick($0, power: power, range: Array(powers)) }
    }
  }

  private func isInside(_ multiple: Int, _ power: Int) -> Bool {
    let position = Double.log10(Double(multiple)) + Double(power)
    return position >= ends.lower && position <= ends.upper
  }

  /// Multiples by 2 to 9 on an axis of up to eight decades, else the powers without a label.
  private func minorTicks(labelled powers: [Int]) -> [Double] {
    let all = Int(ends.lower.rounded(.down))...Int(ends.upper.rounded(.up))
    guard ends.upper - ends.lower <= 8 else {
      guard ends.upper - ends.lower <= 60 else { return [] }
      return all.filter { contains(power: $0) && !powers.contains($0) }.map { Double.pow(10, Double($0)) }
    }
    return all.flatMap { power in
      (1...9).filter { isInside($0, power) && !($0 == 1 && powers.contains(power)) }
        .map { Self.number($0, power: power) }
    }
  }

  /// Less than a decade, and no three multiples in it: round numbers.
  private func narrowTicks(maximumCount: Int) -> Ticks {
    let (lower, upper) = (Double.pow(10, ends.lower), Double.pow(10, ends.upper))
    return Self.linearTicks(from: lower, to: upper, maximumCount: maximumCount)
  }

  private static func number(_ multiple: Int, power: Int) -> Double {
    power >= 0
      ? Double(multiple) * Double.pow(10, Double(power)) : Double(multiple) / Double.pow(10, Double(-power))
  }

  /// Plain where all labels are short, else a power of ten.
  private func tick(_ multiple: Int, power: Int, range: [Int]) -> Tick {
    let value = Self.number(multiple, power: power)
    if let low = range.first, let high = range.last, low >= -3, high <= 4 {
      return Tick(value: value, label: NumberText.fixed(value, decimals: max(0, -power)))
    }
    let base = multiple == 1 ? "10" : "\(multiple)·10"
    return Tick(value: value, label: base, exponent: typographic("\(power)"))
  }
}

/// The power of ten of the leading digit of a positive number.
private func exponentOfTen(_ number: Double) -> Int { DecimalDigits(number).exponent - 1 }
