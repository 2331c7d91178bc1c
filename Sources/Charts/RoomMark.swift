/// Nothing that is seen: it makes a panel's axes reach as far as others' do, so that some panels of a figure can be
/// compared by eye and others need not.
public struct RoomMark: Mark {
  /// What the horizontal axis has to hold; nil for nothing.
  public var x: Extent?
  /// What the vertical axis has to hold; nil for nothing.
  public var y: Extent?

  /// Creates room.
  public init(x: Extent? = nil, y: Extent? = nil) {
    self.x = x
    self.y = y
  }

  /// None.
  public var name: String { "" }
  /// None.
  public var legendStyle: LegendStyle? { nil }
  /// None.
  public var pointCount: Int { 0 }

  /// The ends that have a place on the axis.
  public func xExtent(_ scale: Scale.Kind) -> Extent? {
    x.flatMap { Extent(of: [$0.lower, $0.upper], where: scale.shows) }
  }

  /// The ends that have a place on the axis.
  public func yExtent(_ scale: Scale.Kind) -> Extent? {
    y.flatMap { Extent(of: [$0.lower, $0.upper], where: scale.shows) }
  }

  /// Nothing.
  public func drawn(in frame: Frame) -> DrawnMark { .empty }
}
