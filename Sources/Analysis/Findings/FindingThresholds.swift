import Text

/// From which number on findings speak, each with what it comes from.
public struct FindingThresholds: Equatable, Sendable {
  /// What has a threshold.
  public enum Key: String, Sendable, CaseIterable {
    /// A layer's update/weight so many times below or above the median layer's.
    case updateOutlier = "update-outlier"
    /// A share of |g|² that is noise.
    case noiseShare = "noise-share"
    /// A spread of gradients over the layers.
    case spread
    /// A head's mean entropy, nats.
    case attentionEntropy = "attention-entropy"
    /// The largest attention logit.
    case maxLogit = "max-logit"
    /// The share of a head's attention that the first token gets.
    case firstShare = "first-share"
    /// The RMS of the stream that enters the last layer over that of the first.
    case streamGrowth = "stream-growth"
    /// max |x| over mean |x|, of outputs that reach 100.
    case massive

    /// The threshold where none was asked for.
    public var usual: Double {
      switch self {
      case .updateOutlier: 5
      case .noiseShare: 0.5
      case .spread: 10
      case .attentionEntropy: 0.1
      case .maxLogit: 100
      case .firstShare: 0.9
      case .streamGrowth: 10
      case .massive: 1000
      }
    }

    /// What is said beyond the threshold, and where its usual value comes from.
    public var meaning: String {
      switch self {
      case .updateOutlier:
        "a layer's update/weight is so many times below or above the median layer's (our choice)"
      case .noiseShare:
        "this share of |g|² is noise (one half: the batch is the noise scale, arXiv 1812.06162)"
      case .spread: "gradients differ so many times between layers (our choice)"
      case .attentionEntropy:
        "a head's attention has a lower mean entropy in nats: it looks at e^0.1 = 1.1 keys (entropy collapse: Zhai et al. 2023, arXiv"
          + " 2303.06296; the number is our choice)"
      case .maxLogit:
        "an attention logit is larger (100 is where Kimi K2's QK-clip begins: Kimi Team 2025, arXiv 2507.20534)"
      case .firstShare:
        "a head gives the first token a larger share (attention sinks: Xiao et al. 2024, arXiv 2309.17453; the number is our choice)"
      case .streamGrowth: "the residual stream's RMS grows so many times over the layers (our choice)"
      case .massive:
        "an output reaches 100 and so many times its mean |x| (massive activations: Sun et al. 2024, arXiv 2402.17762, there over the"
          + " median)"
      }
    }
  }

  private var values: [Key: Double]

  /// The usual ones.
  public static let usual = FindingThresholds(values: [:])

  private init(values: [Key: Double]) { self.values = values }

  /// A threshold.
  public subscript(key: Key) -> Double { values[key] ?? key.usual }

  /// Reads `max-logit=50, massive=500`; what is not named stays as it usually is.
  /// - Throws: ``AnalysisError/badThreshold``.
  public init(parsing text: String) throws(AnalysisError) {
    var values: [Key: Double] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: "=", omittingEmptySubsequences: false).map { trimmed($0) }
      guard words.count == 2, let key = Key(rawValue: words[0]) else { throw .badThreshold(trimmed(part)) }
      guard let value = Double(words[1]), value > 0, value.isFinite, values[key] == nil else {
        throw .badThreshold(trimmed(part))
      }
      values[key] = value
    }
    self.values = values
  }
}

private func trimmed(_ text: Substring) -> String {
  String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
}
