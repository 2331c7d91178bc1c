import RealModule

/// A counter-based random generator: the value at a position is a pure function of seed, stream and position.
///
/// Nothing depends on how many values were drawn before, so initial values, batches and dropout masks are the same
/// whatever else a run does, whatever the thread count, and after a resume.
///
/// Philox4x32-10 of Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
public struct Philox: Sendable {
  private let key: SIMD2<UInt32>
  private let stream: SIMD2<UInt32>

  /// Creates the generator of one stream of a seed.
  public init(seed: UInt64, stream: UInt64) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    self.stream = SIMD2(UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
  }

  /// Creates the generator of a named stream, e.g. of a tensor's initial values.
  public init(seed: UInt64, stream name: String) {
    self.init(seed: seed, stream: Self.hash(name))
  }

  /// The four 32-bit words at a position.
  @inlinable
  public func words(at position: UInt64) -> SIMD4<UInt32> {
    Self.words(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32), streamWords.x,
        streamWords.y), key: keyWords)
  }

  /// Uniform in [0, 1) with 53 random bits.
  public func uniform(at position: UInt64) -> Double {
    let words = words(at: position)
    return Self.unit(words.x, words.y)
  }

  /// Standard normal, by the Box-Muller transform's cosine branch.
  public func normal(at position: UInt64) -> Double {
    let words = words(at: position)
    // 1 - u is in (0, 1], so that the logarithm is finite.
    let radius = (-2 * Double.log(1 - Self.unit(words.x, words.y))).squareRoot()
    return radius * Double.cos(2 * .pi * Self.unit(words.z, words.w))
  }

  /// An integer in 0 ..< bound, biased by less than bound / 2^64.
  /// - Precondition: `bound > 0`.
  @inlinable
  public func integer(below bound: Int, at position: UInt64) -> Int {
    precondition(bound > 0, "bound must be positive, got \(bound)")
    let words = words(at: position)
    return Int(UInt64(bound).multipliedFullWidth(by: UInt64(words.x) << 32 | UInt64(words.y)).high)
  }

  /// The integers in 0 ..< bound of ``integer(below:at:)`` at four positions from one on, in less than half the time.
  /// - Precondition: `bound > 0`.
  @inlinable
  public func integers(below bound: Int, from position: UInt64) -> (Int, Int, Int, Int) {
    precondition(bound > 0, "bound must be positive, got \(bound)")
    let positions = SIMD4(repeating: position) &+ SIMD4(0, 1, 2, 3)
    // One position a lane, a word of 32 bits in 64, so that a product has room.
    let low = SIMD4<UInt64>(repeating: 0xFFFF_FFFF)
    var (x, y) = (positions & low, positions &>> 32)
    var (z, w) = (SIMD4(repeating: UInt64(streamWords.x)), SIMD4(repeating: UInt64(streamWords.y)))
    var key = keyWords
    for _ in 0..<10 {
      let first = (x & low) &* SIMD4(repeating: 0xD251_1F53)
      let second = (z & low) &* SIMD4(repeating: 0xCD9E_8D57)
      (x, y) = ((second &>> 32) ^ y ^ SIMD4(repeating: UInt64(key.x)), second & low)
      (z, w) = ((first &>> 32) ^ w ^ SIMD4(repeating: UInt64(key.y)), first & low)
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    func integer(_ lane: Int) -> Int {
      Int(UInt64(bound).multipliedFullWidth(by: x[lane] << 32 | y[lane]).high)
    }
    return (integer(0), integer(1), integer(2), integer(3))
  }

  @usableFromInline var keyWords: SIMD2<UInt32> { key }
  @usableFromInline var streamWords: SIMD2<UInt32> { stream }

  @inlinable
  static func words(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var counter = counter
    var key = key
    for _ in 0..<10 {
      let first = UInt64(0xD251_1F53) * UInt64(counter.x)
      let second = UInt64(0xCD9E_8D57) * UInt64(counter.z)
      counter = SIMD4(
        UInt32(truncatingIfNeeded: second >> 32) ^ counter.y ^ key.x, UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ counter.w ^ key.y, UInt32(truncatingIfNeeded: first))
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return counter
  }

  private static func unit(_ high: UInt32, _ low: UInt32) -> Double {
    Double((UInt64(high) << 32 | UInt64(low)) >> 11) * 0x1p-53
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
