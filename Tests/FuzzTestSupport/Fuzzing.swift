import Foundation

/// How many inputs a fuzz test makes, and the numbers that they are made from.
package enum Fuzzing {
  /// `NF_PROBE_FUZZ_COUNT`, or as many as an ordinary test run has time for.
  package static func count(_ usual: Int) -> Int {
    ProcessInfo.processInfo.environment["NF_PROBE_FUZZ_COUNT"].flatMap(Int.init) ?? usual
  }

  /// Numbers at which arithmetic goes wrong.
  package static let numbers: [UInt64] = [
    0, 1, 2, 7, 8, 63, 64, 255, 256, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
    0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
  ]
}

/// Xorshift64*: the same inputs in every run.
package struct Generator {
  package var state: UInt64

  package init(state: UInt64) { self.state = state }

  package mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  package mutating func below(_ bound: Int) -> Int { Int(next() >> 33) % bound }
  package mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

extension Generator {
  /// One of the ways in which files are damaged: bits, bytes, numbers, parts that are cut out, doubled or moved.
  package mutating func damage(_ bytes: inout [UInt8], inserting fragments: [[UInt8]] = []) {
    guard !bytes.isEmpty else { return }
    let position = below(bytes.count)
    switch below(fragments.isEmpty ? 7 : 8) {
    case 0: bytes[position] ^= 1 << UInt8(below(8))
    case 1: bytes[position] = UInt8(below(256))
    case 2: bytes.removeSubrange(position..<min(bytes.count, position + 1 + below(8)))
    case 3: bytes.removeSubrange(position...)
    case 4:
      let part = Array(bytes[position..<min(bytes.count, position + 1 + below(80))])
      bytes.insert(contentsOf: part, at: below(bytes.count))
    case 5, 6:
      let number = pick(Fuzzing.numbers)
      for index in 0..<pick([1, 2, 4, 8]) where position + index < bytes.count {
        bytes[position + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
      }
    default: bytes.insert(contentsOf: pick(fragments), at: position)
    }
  }
}

extension Generator {
  /// Changes bits, a byte, a number, or a run of bytes inside a range and leaves the length as it is.
  package mutating func overwrite(
    _ bytes: inout [UInt8], in range: Range<Int>, numbers: [UInt64] = Fuzzing.numbers
  ) {
    guard !range.isEmpty else { return }
    let position = range.lowerBound + below(range.count)
    switch below(4) {
    case 0: bytes[position] ^= 1 << UInt8(below(8))
    case 1: bytes[position] = UInt8(below(256))
    case 2:
      let number = pick(numbers)
      for index in 0..<pick([1, 2, 4, 8]) where position + index < range.upperBound {
        bytes[position + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
      }
    default:
      for index in position..<min(range.upperBound, position + 1 + below(32)) {
        bytes[index] = UInt8(below(256))
      }
    }
  }
}
