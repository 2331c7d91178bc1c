import FileTestSupport
import Foundation
import FuzzTestSupport
import Testing

@testable import Checkpoints

/// F8 with scales and MXFP4, against what PyTorch and Transformers make of them (`Fixtures/make_distributed.py`).
@Suite struct QuantizedTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A safetensors file of tensors whose bytes count on.
  private func file(_ tensors: [(name: String, type: String, shape: [Int], byteCount: Int)]) throws -> String
  {
    var (entries, bytes) = ([String](), [UInt8]())
    for tensor in tensors {
      let end = bytes.count + tensor.byteCount
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":[\(bytes.count),\(end)]}"
      )
      bytes += (0..<tensor.byteCount).map { UInt8($0 % 100) }
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    return try folder.write(littleEndian(UInt64(header.count)) + header + bytes, to: "made.safetensors")
  }

  private func error(_ tensors: [(name: String, type: String, shape: [Int], byteCount: Int)]) throws -> String
  {
    let path = try file(tensors)
    do throws(CheckpointError) {
      let checkpoint = try Checkpoint(path: path)
      return "accepted \(checkpoint.tensors.map(\.name)) \(checkpoint.notes)"
    } catch { return "\(error)" }
  }

  @Test func everyNumberIsWhatPyTorchMakesOfIt() throws {
    let stored = try Checkpoint(path: Fixtures.path("distributed/quantized.safetensors"))
    let expected = try Checkpoint(path: Fixtures.path("distributed/numbers.safetensors"))
    #expect(Set(stored.tensors.map(\.name)) == Set(expected.tensors.map(\.name)))
    for tensor in expected.tensors {
      let own = try #require(stored[tensor.name])
      #expect(own.shape == tensor.shape, "\(tensor.name)")
      // Products of a float of few bits with one of 24 are rounded once on both sides: equal to the bit.
      let (made, wanted) = (try stored.floats(of: own), try expected.floats(of: tensor))
      #expect(zip(made, wanted).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }, "\(tensor.name)")
      for lower in stride(from: 0, to: made.count, by: 37) {
        let upper = min(made.count, lower + 53)
        var window = [Double](repeating: 0, count: upper - lower)
        try stored.read(own, elements: lower..<upper, into: &window)
        #expect(zip(window, made[lower..<upper]).allSatisfy { $0 == Double($1) || $0.isNaN })
      }
    }
  }

  /// Every value of the formats: OCP 8-bit Floating Point Specification, and the half-precision float whose upper half E5M2 is.
  @Test func floatsOfEightBits() {
    #expect(
      Float8.e4m3[0x7E] == 448 && Float8.e4m3[0xFE] == -448 && Float8.e4m3[0x7F].isNaN
        && Float8.e4m3[0xFF].isNaN)
    #expect(Float8.e4m3[0x01] == 0x1p-9 && Float8.e4m3[0x08] == 0x1p-6 && Float8.e4m3[0x38] == 1)
    #expect(Float8.e4m3[0x80] == 0 && Float8.e4m3[0x80].sign == .minus)
    #expect(Float8.e5m2[0x7B] == 57344 && Float8.e5m2[0x7C] == .infinity && Float8.e5m2[0x01] == 0x1p-16)
    #expect(Float8.e8m0[127] == 1 && Float8.e8m0[0] == 0x1p-127 && Float8.e8m0[255].isNaN)
  }

  @Test func f8WithoutScales() throws {
    #expect(
      try error([("a.weight", "F8_E4M3", [2, 3], 6)]).contains(
        "accepted [\"a.weight\"] [\"\(folder.url.path)/made.safetensors: F8 tensors without scales are read as the numbers that they hold\"]"
      ))
    #expect(
      try error([
        ("a.weight", "F8_E4M3", [2, 3], 6), ("a.weight_scale_inv", "F32", [1, 1], 4),
        ("b.weight", "F8_E4M3", [2, 3], 6),
      ]).contains("tensor \"b.weight\" is F8 without scales, which others here have"))
  }

  @Test func scalesThatDoNotFit() throws {
    for shape in [[2, 2], [3, 1], [1, 1, 1, 1], [4]] where shape != [1, 1, 1, 1] {
      let text = try error([
        ("a.weight", "F8_E4M3", [200, 3], 600), ("a.weight_scale_inv", "F32", shape, 4 * shape.reduce(1, *)),
      ])
      #expect(
        text.contains(
          "\"a.weight_scale_inv\" of shape \(shape) does not scale blocks of \"a.weight\" of shape [200, 3]"))
    }
    for shape in [[], [1], [200], [200, 1], [2, 1], [1, 3]] {
      let text = try error([
        ("a.weight", "F8_E4M3", [200, 3], 600), ("a.weight_scale_inv", "F32", shape, 4 * shape.reduce(1, *)),
      ])
      #expect(text.hasPrefix("accepted [\"a.weight\"]"), "\(shape): \(text)")
    }
  }

  @Test func mxfp4WithOddShapes() throws {
    let odd: [(blocks: [Int], scales: [Int], type: String)] = [
      ([2, 3, 2, 15], [2, 3, 2], "U8"), ([2, 3, 2, 16], [2, 3, 3], "U8"), ([2, 3, 2, 16], [12], "U8"),
      ([2, 3, 2, 16], [2, 3, 2], "I8"), ([16], [], "U8"),
    ]
    for (blocks, scales, type) in odd {
      let text = try error([
        ("e.w_blocks", "U8", blocks, blocks.reduce(1, *)), ("e.w_scales", type, scales, scales.reduce(1, *)),
      ])
      #expect(text.contains("are no MXFP4"), "\(blocks) \(scales): \(text)")
    }
    #expect(try error([("e.w_blocks", "U8", [2, 3, 2, 16], 192)]).contains("has no \"e.w_scales\""))
    // Bytes that are called so and are something else stay what they are.
    #expect(try error([("mask_blocks", "U8", [7], 7)]).hasPrefix("accepted [\"mask_blocks\"]"))
  }

  @Test func damagedFiles() throws {
    let original = try Fixtures.bytes("distributed/quantized.safetensors")
    var generator = Generator(state: 3)
    var accepted = 0
    let count = Fuzzing.count(300)
    for _ in 0..<count {
      var bytes = original
      // Digits of shapes and names, and letters of types and names: what makes other shapes, types and partners.
      let isDigit = generator.below(2) == 0
      let places = (8..<700).filter {
        bytes[$0] < 128 && Character(Unicode.Scalar(bytes[$0])).isNumber == isDigit
      }
      bytes[generator.pick(places)] =
        UInt8(ascii: isDigit ? "0" : "a") + UInt8(generator.below(isDigit ? 10 : 26))
      let path = try folder.write(bytes, to: "fuzz.safetensors")
      guard let checkpoint = try? Checkpoint(path: path) else { continue }
      accepted += 1
      for tensor in checkpoint.tensors where tensor.type.isReadable { _ = try? checkpoint.floats(of: tensor) }
    }
    #expect((count / 20..<count).contains(accepted), "\(accepted) accepted")
  }
}
