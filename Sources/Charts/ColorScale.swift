import RealModule

/// Colours for numbers between two ends.
///
/// Equal steps along the scale are equal steps of perceived lightness (OKLab, Ottosson 2020), so a greyscale print keeps the
/// order and the distances; the hues are told apart with every common form of colour blindness.
public struct ColorScale: Equatable, Sendable {
  /// The order of the colours.
  public enum Kind: Equatable, Sendable {
    /// From light yellow over grey to dark blue: for amounts.
    case sequential
    /// From dark blue over near-white in the middle to dark orange: for numbers that lie on either side of one. A greyscale print
    /// keeps the distance from the middle; marks have to say the side.
    case diverging
  }

  /// The law and the ends.
  public let scale: Scale
  /// The order of the colours.
  public let kind: Kind

  /// A scale over an axis.
  public init(_ scale: Scale, kind: Kind = .sequential) {
    self.scale = scale
    self.kind = kind
  }

  /// A diverging scale of ratios, whose middle is 1: a ratio and its inverse are equally far from it.
  ///
  /// - Parameter extent: of the ratios; nil without any. The scale reaches to 1.1 and its inverse at least, so that ratios that hardly
  ///   differ from 1 hardly differ in colour.
  public static func ratios(_ extent: Extent?) -> ColorScale {
    let reach = [extent?.upper, extent.map { 1 / $0.lower }].compactMap(\.self).filter(\.isFinite)
      .reduce(1.1, max)
    return ColorScale(Scale(.log10, from: 1 / reach, to: reach), kind: .diverging)
  }

  /// The number of colours: more than an eye can tell apart side by side; of a diverging scale one is the middle.
  private var levelCount: Int { kind == .sequential ? 64 : 65 }

  /// All colours, from the lower end to the upper one.
  var levels: [Color] { (0..<levelCount).map(color(level:)) }

  /// The colour of a number, at the nearer end for those beyond; nil for one without a place on the axis.
  public func color(_ number: Double) -> Color? {
    scale.fraction(number).map { share in
      color(level: Int((max(0, min(1, share)) * Double(levelCount - 1)).rounded()))
    }
  }

  private func color(level: Int) -> Color {
    let share = Double(level) / Double(levelCount - 1)
    switch kind {
    case .sequential:
      // Lightness falls evenly; the hue goes straight from yellow to blue.
      return Color(lightness: 0.94 - 0.68 * share, a: -0.015 * (1 - share), b: 0.1 - 0.21 * share)
    case .diverging:
      let distance = abs(2 * share - 1)
      let (a, b) = share < 0.5 ? (-0.03, -0.125) : (0.105, 0.095)
      return Color(lightness: 0.97 - 0.53 * distance, a: a * distance, b: b * distance)
    }
  }
}

extension Color {
  /// A colour of OKLab, channels outside sRGB cut off. Matrices: Björn Ottosson, "A perceptual color space for image
  /// processing" (2020).
  init(lightness: Double, a: Double, b: Double) {
    let cones = [
      lightness + 0.3963377774 * a + 0.2158037573 * b, lightness - 0.1055613458 * a - 0.0638541728 * b,
      lightness - 0.0894841775 * a - 1.2914855480 * b,
    ].map { $0 * $0 * $0 }
    let linear = [
      4.0767416621 * cones[0] - 3.3077115913 * cones[1] + 0.2309699292 * cones[2],
      -1.2684380046 * cones[0] + 2.6097574011 * cones[1] - 0.3413193965 * cones[2],
      -0.0041960863 * cones[0] - 0.7034186147 * cones[1] + 1.7076147010 * cones[2],
    ]
    self.init(linear.reduce(0) { $0 << 8 | UInt32((255 * Color.encoded(max(0, min(1, $1)))).rounded()) })
  }

  /// sRGB's transfer function.
  private static func encoded(_ linear: Double) -> Double {
    linear <= 0.0031308 ? 12.92 * linear : 1.055 * Double.pow(10, Double.log10(linear) / 2.4) - 0.055
  }
}
