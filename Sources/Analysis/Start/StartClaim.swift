import Statistics

/// Something that theory says of models before their first update.
public struct StartClaim: Sendable {
  /// What is measured.
  public enum Measure: String, Sendable, CaseIterable {
    /// p of |gradient of the last layer's fc2.weight| ∝ depth^p.
    case depthExponent = "depth exponent"
    /// Last over first layer's gradient in the deepest model.
    case lateEarly = "late/early"
    /// Growth of E‖x‖²/d a layer in the deepest model.
    case growth
    /// The share of positions whose ‖x‖² is over 1.1 times the mean, after the deepest model's last layer.
    case unbounded
  }

  /// The claim in words.
  public var says: String
  /// Where it is made.
  public var source: String
  /// What is measured.
  public var measure: Measure
  /// The architecture's title, e.g. `Post-LN`.
  public var architecture: String
  /// What the number must keep to.
  public var bound: Claim.Bound

  /// Creates a claim.
  public init(says: String, source: String, measure: Measure, architecture: String, bound: Claim.Bound) {
    self.says = says
    self.source = source
    self.measure = measure
    self.architecture = architecture
    self.bound = bound
  }
}

extension ClaimResult {
  /// Measures a claim on models before their first update.
  public init(_ claim: StartClaim, in report: StartReport) {
    let effect =
      switch claim.measure {
      case .depthExponent: report.depthExponent(claim.architecture)
      case .lateEarly: report.lateOverEarly(claim.architecture, report.tensor)
      case .growth: report.growth(claim.architecture)
      case .unbounded:
        report.deepest(claim.architecture).map { report.unboundedShare($0, layer: $0.depth) } ?? .undefined
      }
    self.init(
      says: claim.says, source: claim.source, measure: claim.measure.rawValue, bound: claim.bound,
      effect: effect, seedCount: report.seedCount,
      problem: effect.value.isNaN ? "not measured of \(claim.architecture)" : nil)
  }
}
