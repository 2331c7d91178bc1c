import RealModule

/// An sRGB colour of 8 bits a channel.
public struct Color: Equatable, Sendable {
  /// Red, green and blue as one number: `0xE69F00`.
  public var rgb: UInt32

  /// Creates a colour from `0xRRGGBB`.
  public init(_ rgb: UInt32) { self.rgb = rgb }

  /// `#e69f00`.
  public var hexadecimal: String {
    let digits = String(rgb & 0xFFFFFF, radix: 16)
    return "#" + String(repeating: "0", count: 6 - digits.count) + digits
  }

  /// Red, green and blue in 0 ... 255.
  var channels: [Double] { [16, 8, 0].map { Double((rgb >> $0) & 0xFF) } }

  /// What a greyscale print makes of it, 0 (black) to 1: relative luminance by Rec. 709 of the linearized channels.
  public var luminance: Double {
    let linear = channels.map { channel -> Double in
      let value = channel / 255
      return value <= 0.04045 ? value / 12.92 : Double.pow(10, 2.4 * Double.log10((value + 0.055) / 1.055))
    }
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }

  /// The colour between two, channel by channel.
  static func mix(_ one: Color, _ other: Color, share: Double) -> Color {
    Color(
      zip(one.channels, other.channels).reduce(0) { rgb, pair in
        rgb << 8 | UInt32((pair.0 + (pair.1 - pair.0) * share).rounded())
      })
  }

  /// The colour mixed with white: the same at 0, white at 1.
  public func lightened(by share: Double) -> Color { Color.mix(self, .white, share: share) }

  /// Black.
  public static let black = Color(0x000000)
  /// White.
  public static let white = Color(0xFFFFFF)

  /// The eight colours of Okabe and Ito's "Color Universal Design" (2008), black last: distinguishable with every
  /// common form of colour blindness.
  public static let okabeIto = [
    Color(0x0072B2), Color(0xD55E00), Color(0x009E73), Color(0xCC79A7), Color(0xE69F00), Color(0x56B4E9),
    Color(0xF0E442), Color(0x000000),
  ]

  /// `count` colours for an ordered series such as depth, from dark blue to light orange.
  ///
  /// The anchors are Okabe and Ito's, in an order in which the luminance rises throughout, so that the order survives
  /// a greyscale print.
  public static func sequence(_ count: Int) -> [Color] {
    let anchors = [Color(0x0B2A5C), Color(0x0072B2), Color(0x009E73), Color(0xE69F00)]
    return (0..<max(0, count)).map { index in
      let position = count == 1 ? 0 : Double(index) / Double(count - 1) * Double(anchors.count - 1)
      let segment = min(Int(position), anchors.count - 2)
      return mix(anchors[segment], anchors[segment + 1], share: position - Double(segment))
    }
  }
}
