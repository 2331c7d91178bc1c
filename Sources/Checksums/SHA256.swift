/// SHA-256 of bytes that arrive in pieces, by FIPS 180-4.
///
/// Our own because the usual dependency for these few lines compiles 380 C files before a first build gets anywhere.
public struct SHA256: Sendable {
  private static let blockSize = 64
  private var state: SIMD8<UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  /// Bytes that do not fill a block yet.
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0

  /// Creates the hash of no bytes.
  public init() {}

  /// The digest of some bytes in lower-case hexadecimal.
  public static func hexDigest(of bytes: some Sequence<UInt8>) -> String {
    var hash = SHA256()
    hash.update(Array(bytes), count: nil)
    return hash.hexDigest()
  }

  /// Appends the first `count` bytes, or all.
  public mutating func update(_ bytes: [UInt8], count: Int? = nil) {
    let count = count ?? bytes.count
    byteCount += UInt64(count)
    var start = 0
    if !pending.isEmpty {
      start = min(Self.blockSize - pending.count, count)
      pending += bytes[..<start]
      guard pending.count == Self.blockSize else { return }
      state = Self.compressed(state, block: pending, at: 0)
      pending.removeAll(keepingCapacity: true)
    }
    while start + Self.blockSize <= count {
      state = Self.compressed(state, block: bytes, at: start)
      start += Self.blockSize
    }
    pending += bytes[start..<count]
  }

  /// The digest of all bytes so far in lower-case hexadecimal.
  public func hexDigest() -> String {
    var last = self
    let zeros = (119 - Int(byteCount % 64)) % 64
    let bitCount = (0..<8).map { UInt8(truncatingIfNeeded: (byteCount &* 8) >> (56 - 8 * $0)) }
    last.update([0x80] + Array(repeating: 0, count: zeros) + bitCount)
    return (0..<8).map { index in
      let word = String(last.state[index], radix: 16)
      return String(repeating: "0", count: 8 - word.count) + word
    }.joined()
  }

  private static func compressed(
    _ state: SIMD8<UInt32>, block: [UInt8], at start: Int
  ) -> SIMD8<UInt32> {
    let constants = roundConstants
    var schedule = InlineArray<64, UInt32>(repeating: 0)
    for index in 0..<16 {
      let byte = start + 4 * index
      schedule[index] =
        UInt32(block[byte]) << 24 | UInt32(block[byte + 1]) << 16 | UInt32(block[byte + 2]) << 8
        | UInt32(block[byte + 3])
    }
    for index in 16..<64 {
      let early = schedule[index - 15]
      let late = schedule[index - 2]
      let small0 = rotated(early, 7) ^ rotated(early, 18) ^ early >> 3
      let small1 = rotated(late, 17) ^ rotated(late, 19) ^ late >> 10
      schedule[index] = schedule[index - 16] &+ small0 &+ schedule[index - 7] &+ small1
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    // Eight rounds at a time, so that the registers come round to their places without moving.
    for index in stride(from: 0, to: 64, by: 8) {
      round(a, b, c, &d, e, f, g, &h, constants[index] &+ schedule[index])
      round(h, a, b, &c, d, e, f, &g, constants[index + 1] &+ schedule[index + 1])
      round(g, h, a, &b, c, d, e, &f, constants[index + 2] &+ schedule[index + 2])
      round(f, g, h, &a, b, c, d, &e, constants[index + 3] &+ schedule[index + 3])
      round(e, f, g, &h, a, b, c, &d, constants[index + 4] &+ schedule[index + 4])
      round(d, e, f, &g, h, a, b, &c, constants[index + 5] &+ schedule[index + 5])
      round(c, d, e, &f, g, h, a, &b, constants[index + 6] &+ schedule[index + 6])
      round(b, c, d, &e, f, g, h, &a, constants[index + 7] &+ schedule[index + 7])
    }
    return state &+ SIMD8(a, b, c, d, e, f, g, h)
  }

  @inline(__always)
  private static func round(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
    _ h: inout UInt32, _ word: UInt32
  ) {
    let large1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
    let first = h &+ large1 &+ (e & f ^ ~e & g) &+ word
    let large0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
    d = d &+ first
    h = first &+ large0 &+ (a & b ^ a & c ^ b & c)
  }

  @inline(__always)
  private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word &>> count | word &<< (32 - count)
  }

  private static let roundConstants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
}
