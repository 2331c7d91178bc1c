import RealModule

/// How numbers become positions along an axis.
public struct Scale: Equatable, Sendable {
  /// The law of an axis.
  public enum Kind: Equatable, Sendable {
    /// Equal differences take equal lengths.
    case linear
    /// Equal ratios take equal lengths; only positive numbers have a place.
    case log10
  }

  /// The law.
  public let kind: Kind
  /// The ends of the axis; for a logarithmic one their common logarithms.
  let ends: Extent

  /// An axis from one number to another.
  /// - Precondition: both are finite, the first is below the second, and positive on a logarithmic axis.
  public init(_ kind: Kind, from lower: Double, to upper: Double) {
    precondition(lower.isFinite && upper.isFinite && lower < upper, "no axis from \(lower) to \(upper)")
    precondition(kind == .linear || lower > 0, "no logarithmic axis from \(lower)")
    self.kind = kind
    ends = Extent(lower: Self.position(lower, kind), upper: Self.position(upper, kind))
  }

  private init(_ kind: Kind, ends: Extent) {
    self.kind = kind
    self.ends = ends
  }

  /// An axis that holds an extent, with room of `padding` times its length at both ends.
  ///
  /// A single number gets room around it, no number at all the axis from 0 to 1, or from 1 to 10.
  public static func covering(_ extent: Extent?, kind: Kind, padding: Double = 0.04) -> Scale {
    guard let extent, extent.lower.isFinite, extent.upper.isFinite, kind == .linear || extent.lower > 0
    else { return Scale(kind, ends: Extent(lower: 0, upper: 1)) }
    // So that the length of a linear axis and its padding are finite.
    let most = 8e307
    var ends = Extent(
      lower: position(max(-most, extent.lower), kind), upper: position(min(most, extent.upper), kind))
    let length = ends.upper - ends.lower
    // Below this, neighbouring ticks would be the same number.
    let least = kind == .log10 ? 1e-6 : 1e-9 * max(abs(ends.lower), abs(ends.upper), 1e-290)
    if length < least {
      let room = kind == .log10 ? 0.3 : (ends.lower == 0 ? 1 : 0.1 * abs(ends.lower))
      ends = Extent(lower: ends.lower - room, upper: ends.upper + room)
    } else {
      ends = Extent(lower: ends.lower - padding * length, upper: ends.upper + padding * length)
    }
    return Scale(kind, ends: ends)
  }

  /// The numbers at both ends.
  var limits: Extent {
    kind == .linear ? ends : Extent(lower: Double.pow(10, ends.lower), upper: Double.pow(10, ends.upper))
  }

  private static func position(_ number: Double, _ kind: Kind) -> Double {
    kind == .linear ? number : Double.log10(number)
  }

  /// Where a number lies: 0 at the lower end, 1 at the upper one; nil for a number without a place on the axis.
  public func fraction(_ number: Double) -> Double? {
    guard isShown(number) else { return nil }
    return (Self.position(number, kind) - ends.lower) / (ends.upper - ends.lower)
  }

  /// Whether a number has a place on an axis of this kind: it is finite, and positive on a logarithmic axis.
  public func isShown(_ number: Double) -> Bool { number.isFinite && (kind == .linear || number > 0) }
}
