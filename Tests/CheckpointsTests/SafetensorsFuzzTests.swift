import Architecture
import FileTestSupport
import FuzzTestSupport
import Foundation
import Testing
import RunData

@testable import Checkpoints

/// Damaged files: every one is refused, or read without touching a byte outside its tensors. A trap or a hang fails the
/// whole run.
@Suite struct SafetensorsFuzzTests {
  static let header = Array(
    """
    {"__metadata__":{"format":"pt","a\\u00e9":"x"},"b.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
    "c":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"d":{"dtype":"F64","shape":[],"data_offsets":[32,40]}}
    """.utf8)

  /// What a header is made of, and numbers at which arithmetic goes wrong.
  static let fragments = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "0", "-1", "1e9", "0.5", "00", "null", "NaN",
    "\"dtype\"",
    "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"F64\"", "\"F4\"", "9223372036854775807",
    "9223372036854775808", "4294967296", "18446744073709551616", " ", "\u{0}", "é",
    ",\"c\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[40,40]}",
  ].map { Array($0.utf8) }

  private func mutated(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
    var bytes = bytes
    for _ in 0...generator.below(4) where !bytes.isEmpty {
      let position = generator.below(bytes.count)
      switch generator.below(7) {
      case 0: bytes[position] ^= 1 << UInt8(generator.below(8))
      case 1: bytes[position] = UInt8(generator.below(256))
      case 2: bytes.removeSubrange(position..<min(bytes.count, position + 1 + generator.below(8)))
      case 3: bytes.insert(contentsOf: generator.pick(Self.fragments), at: position)
      case 4: bytes.removeSubrange(position...)
      case 5:
        let end = min(bytes.count, position + generator.below(60))
        bytes.insert(contentsOf: bytes[position..<end], at: generator.below(bytes.count))
      default:
        // Digits for digits: stays valid JSON most of the time.
        if let digit = bytes[position...].firstIndex(where: { (0x30...0x39).contains($0) }) {
          bytes[digit] = UInt8(0x30 + generator.below(10))
        }
      }
    }
    return bytes
  }

  @Test func headers() {
    var generator = Generator(state: 1)
    var accepted = 0
    let clock = ContinuousClock()
    let start = clock.now
    for _ in 0..<20_000 {
      let bytes = mutated(Self.header, &generator)
      guard let header = try? SafetensorsHeader(bytes, dataByteCount: 40) else { continue }
      accepted += 1
      // The tensors cover the data exactly, each with the bytes of its shape.
      var end = 8 + bytes.count
      for tensor in header.tensors {
        #expect(tensor.byteRange.lowerBound == end)
        #expect(tensor.byteRange.count * 8 == tensor.elementCount * tensor.type.bitCount)
        end = tensor.byteRange.upperBound
      }
      #expect(end == 8 + bytes.count + 40)
    }
    // Changed names and metadata stay valid; most else is refused. Both must occur, or this tests nothing.
    #expect((100..<10_000).contains(accepted))
    // A microsecond-sized parser; a second would mean that something is quadratic.
    #expect(clock.now - start < .seconds(20))
  }

  @Test func files() throws {
    let folder = try TemporaryFolder()
    let whole = littleEndian(UInt64(Self.header.count)) + Self.header + Array(0..<40)
    var generator = Generator(state: 2)
    var (accepted, refused) = (0, 0)
    for _ in 0..<Fuzzing.count(1500) {
      var bytes = mutated(whole, &generator)
      // Half of the time the length is right again, so that the header is reached.
      if generator.below(2) == 0, bytes.count >= 48 {
        bytes.replaceSubrange(0..<8, with: littleEndian(UInt64(bytes.count - 48)))
      }
      let path = try folder.write(bytes, to: "fuzz.safetensors")
      do throws(CheckpointError) {
        let file = try Checkpoint(path: path)
        for tensor in file.tensors where tensor.type.isReadable { _ = try file.floats(of: tensor) }
        accepted += 1
      } catch {
        #expect(error.description.hasPrefix(path))
        refused += 1
      }
    }
    #expect(accepted > 20 && refused > 200)
  }

  /// Names and shapes of a decoder, damaged: refused with a message or opened, never a trap.
  @Test func decoders() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("decoder.safetensors")
    var generator = Generator(state: 3)
    let hints = CheckpointHints(headCount: 2, headScalePlacement: .paper)
    var (accepted, refused) = (0, 0)
    for _ in 0..<Fuzzing.count(400) {
      var model = TinyDecoder(layers: 2, additions: .normFormer)
      for _ in 0..<generator.below(3) {
        let name = generator.pick(model.shapes.keys.sorted())
        switch generator.below(4) {
        case 0: model.shapes[name] = nil
        case 1: model.shapes[name] = generator.pick([[], [0], [1], [4, 0], [6, 4, 1], [12, 4], [4, 4]])
        case 2: model.shapes[name + "x"] = [1]
        default: model.shapes[name.replacingOccurrences(of: "0", with: "-1")] = [4]
        }
      }
      try model.write(to: path)
      do throws(CheckpointError) {
        let checkpoint = try DecoderCheckpoint(path: path, hints: hints)
        for name in checkpoint.parameterNames { _ = try checkpoint.floats(of: name) }
        accepted += 1
      } catch {
        refused += 1
      }
    }
    #expect(accepted > 50 && refused > 50)
  }
}
