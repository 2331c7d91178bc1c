import RealModule

/// Colours for numbers between two ends, from light yellow over grey to dark blue.
///
/// Equal steps along the scale are equal steps of perceived lightness (OKLab, Ottosson 2020), so a greyscale print keeps the
/// order and the distances; yellow and blue are told apart with every common form of colour blindness.
public struct ColorScale: Equatable, Sendable {
  /// The law and the ends.
  public let scale: Scale

  /// The number of colours: more than an eye can tell apart side by side.
  static let levelCount = 64

  /// A scale over an axis.
  public init(_ scale: Scale) { self.scale = scale }

  /// The colour of a number, at the nearer end for those beyond; nil for one without a place on the axis.
  public func color(_ number: Double) -> Color? {
    scale.fraction(number).map { Self.color(share: max(0, min(1, $0))) }
  }

  /// The colour at a share of the scale, rounded to one of the levels.
  static func color(share: Double) -> Color {
    let level = (share * Double(levelCount - 1)).rounded() / Double(levelCount - 1)
    // Lightness falls evenly; the hue goes straight from yellow to blue.
    return Color(lightness: 0.94 - 0.68 * level, a: -0.015 * (1 - level), b: 0.1 - 0.21 * level)
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
