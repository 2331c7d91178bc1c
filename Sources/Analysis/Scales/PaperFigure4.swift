import Charts

/// The box plots of the paper's Figure 4, read off its picture: arXiv 2110.09456v2, learned scales of the 125M NormFormer
/// with three additions (FFN LN, Post-Attn LN, HeadScale; no ResScale) at the end of training.
///
/// Digitised from a scan of page 7 to about ±0.005. Outliers, where the figure has any, were not read.
enum PaperFigure4 {
  /// How figures and notes name it.
  static let label = "arXiv v2, 125M, three additions, no ResScale, digitised"

  /// One box: from the upper whisker's end down to the lower's.
  struct Box {
    /// Where the upper whisker ends; at the figure's edge, 2, where ``isCutOff``.
    let upperWhisker: Double
    /// Nil where box and median could not be told apart.
    let thirdQuartile: Double?
    let median: Double
    let firstQuartile: Double?
    let lowerWhisker: Double
    /// Whether the upper whisker leaves the figure.
    var isCutOff = false
  }

  /// The boxes of a scale by layer; nil where the figure does not show it.
  static func boxes(of scale: String) -> [Box]? {
    switch scale {
    case "ffn_layernorm.weight": ffnNorm
    case "attn_ln.weight": postAttentionNorm
    case "c_attn": headScale
    default: nil
    }
  }

  private static func box(
    _ upper: Double, _ third: Double?, _ median: Double, _ first: Double?, _ lower: Double
  ) -> Box {
    Box(upperWhisker: upper, thirdQuartile: third, median: median, firstQuartile: first, lowerWhisker: lower)
  }

  private static let ffnNorm = [
    box(0.395, 0.265, 0.219, 0.180, 0.059), box(0.516, 0.322, 0.257, 0.200, 0.036),
    box(0.528, 0.332, 0.257, 0.200, 0.040), box(0.500, 0.326, 0.265, 0.211, 0.045),
    box(0.644, 0.419, 0.342, 0.273, 0.053), box(0.757, 0.504, 0.421, 0.340, 0.132),
    box(0.789, 0.547, 0.462, 0.385, 0.162), box(0.875, 0.619, 0.536, 0.449, 0.196),
    box(0.982, 0.711, 0.626, 0.532, 0.265), box(0.976, 0.753, 0.682, 0.599, 0.366),
    box(1.160, 0.893, 0.804, 0.709, 0.433), box(1.281, 0.986, 0.895, 0.789, 0.494),
  ]

  private static let postAttentionNorm = [
    box(0.233, 0.168, 0.140, 0.121, 0.051), box(0.474, 0.362, 0.324, 0.287, 0.172),
    box(0.482, 0.377, 0.344, 0.314, 0.211), box(0.524, 0.413, 0.379, 0.322, 0.190),
    box(0.536, 0.407, 0.375, 0.322, 0.208), box(0.470, 0.401, 0.374, 0.326, 0.235),
    box(0.391, 0.344, 0.324, 0.287, 0.204), box(0.350, 0.318, 0.302, 0.283, 0.233),
    box(0.300, 0.269, 0.260, 0.247, 0.211), box(0.302, nil, 0.269, nil, 0.233),
    box(0.298, nil, 0.269, nil, 0.245), box(0.312, nil, 0.285, nil, 0.259),
  ]

  private static let headScale =
    [
      Box(
        upperWhisker: 2, thirdQuartile: 1.761, median: 1.022, firstQuartile: 0.433, lowerWhisker: 0.346,
        isCutOff: true)
    ] + [
      box(1.457, 0.939, 0.723, 0.575, 0.425), box(1.075, 0.970, 0.838, 0.761, 0.528),
      box(1.466, 1.219, 0.862, 0.761, 0.500), box(1.099, 0.885, 0.735, 0.670, 0.462),
      box(1.247, 0.903, 0.719, 0.563, 0.542), box(1.158, 0.903, 0.812, 0.682, 0.542),
      box(1.018, 0.927, 0.840, 0.717, 0.488), box(1.449, 1.184, 0.955, 0.812, 0.555),
      box(1.306, 1.099, 0.850, 0.765, 0.441), box(1.389, 1.208, 1.077, 0.844, 0.771),
      box(1.267, 1.180, 1.113, 0.992, 0.941),
    ]
}

extension BoxMark.Box {
  /// A box of the paper's figure.
  init(_ box: PaperFigure4.Box, layer: Int) {
    let quartiles = box.firstQuartile.flatMap { first in
      box.thirdQuartile.map { Extent(lower: first, upper: $0) }
    }
    self.init(
      x: Double(layer), median: box.median, quartiles: quartiles,
      whiskers: Extent(lower: box.lowerWhisker, upper: box.upperWhisker), isOpenAbove: box.isCutOff)
  }
}
