/// Numbers as text, the same on every machine and without a locale.
///
/// All digits come from the shortest decimal that reads back as the same `Double`; rounding is done on these
/// digits, half away from zero.
public enum NumberText {
  /// The shortest text that reads back as the same number: `0.1`, `250`, `1e-07`, `nan`, `inf`, `-inf`.
  public static func shortest(_ number: Double) -> String {
    // Whose sign means nothing, and differs from processor to processor.
    if number.isNaN { return "nan" }
    let text = "\(number)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// `digits` significant digits: `0.241`, `1.00`, `162`, `12345`; from a million on, and below a
  /// ten-thousandth, as `1.23e-05`. Digits before the point are never replaced by zeros.
  /// - Precondition: `digits > 0`.
  public static func significant(_ number: Double, digits: Int) -> String {
    precondition(digits > 0, "no significant digits asked for")
    guard number.isFinite, number != 0 else { return number == 0 ? "0" : shortest(number) }
    let rounded = DecimalDigits(number.magnitude).rounded(toDigits: digits)
    let sign = number < 0 ? "-" : ""
    guard rounded.exponent > -4, rounded.exponent <= 6 else {
      return sign + rounded.scientific(digits: digits)
    }
    let decimals = max(0, digits - rounded.exponent)
    return sign + DecimalDigits(number.magnitude).rounded(toDecimals: decimals).plain(decimals: decimals)
  }

  /// A fixed number of decimals: `0.50`; without trailing zeros where `trimmed`: `0.5`.
  public static func fixed(_ number: Double, decimals: Int, trimmed: Bool = false) -> String {
    guard number.isFinite else { return shortest(number) }
    let rounded = DecimalDigits(number.magnitude).rounded(toDecimals: decimals)
    var text = rounded.plain(decimals: decimals)
    if trimmed, decimals > 0 {
      while text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    // A negative number that rounds to zero has no sign.
    return number < 0 && !rounded.digits.isEmpty ? "-" + text : text
  }
}

/// A positive decimal number 0.d₁d₂d₃… · 10^exponent; no digits mean zero.
package struct DecimalDigits: Equatable {
  package private(set) var digits: [UInt8]
  package private(set) var exponent: Int

  /// The shortest digits that read back as `magnitude`, a finite number that is not negative.
  package init(_ magnitude: Double) {
    digits = []
    exponent = 0
    var point: Int?
    var text = "\(magnitude)".utf8[...]
    if let mark = text.firstIndex(of: UInt8(ascii: "e")) {
      exponent = Int(String(Substring(text[text.index(after: mark)...]))) ?? 0
      text = text[..<mark]
    }
    for byte in text {
      if byte == UInt8(ascii: ".") { point = digits.count } else { digits.append(byte - UInt8(ascii: "0")) }
    }
    exponent += point ?? digits.count
    normalize()
  }

  /// Drops zeros at both ends.
  private mutating func normalize() {
    let leading = digits.prefix { $0 == 0 }.count
    digits.removeFirst(leading)
    exponent -= leading
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { exponent = 0 }
  }

  /// Rounded half up to at most `count` digits.
  func rounded(toDigits count: Int) -> DecimalDigits {
    guard count < digits.count else { return self }
    guard count >= 0 else { return DecimalDigits(0) }
    var result = self
    let roundsUp = digits[count] >= 5
    result.digits = Array(digits[..<count])
    if roundsUp { result.addUnitInLastPlace() }
    result.normalize()
    return result
  }

  /// Rounded half up to at most `count` digits behind the point.
  func rounded(toDecimals count: Int) -> DecimalDigits { rounded(toDigits: exponent + count) }

  private mutating func addUnitInLastPlace() {
    var place = digits.count - 1
    while place >= 0, digits[place] == 9 {
      digits[place] = 0
      place -= 1
    }
    if place >= 0 {
      digits[place] += 1
    } else {
      digits.insert(1, at: 0)
      exponent += 1
    }
  }

  /// Without exponent, with exactly `decimals` digits behind the point.
  func plain(decimals: Int) -> String {
    func digit(_ place: Int) -> Character {
      Character(UnicodeScalar(UInt8(ascii: "0") + (digits.indices.contains(place) ? digits[place] : 0)))
    }
    let whole = exponent > 0 ? String((0..<exponent).map(digit)) : "0"
    guard decimals > 0 else { return whole }
    return whole + "." + String((exponent..<(exponent + decimals)).map(digit))
  }

  /// With an exponent and exactly `digits` digits: `1.23e-05`.
  func scientific(digits count: Int) -> String {
    var mantissa = self
    mantissa.exponent = 1
    let power = exponent - 1
    let text = "\(power.magnitude)"
    return mantissa.plain(decimals: count - 1) + "e" + (power < 0 ? "-" : "+")
      + (text.count < 2 ? "0" + text : text)
  }
}

/// With a minus sign instead of a hyphen.
public func typographic(_ text: String) -> String { text.replacing("-", with: "−") }
