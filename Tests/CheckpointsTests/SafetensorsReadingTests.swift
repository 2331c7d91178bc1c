import FileTestSupport
import Foundation
import Testing

@testable import Checkpoints

@Suite struct SafetensorsReadingTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ json: String, _ data: [UInt8], to name: String = "a.safetensors") throws -> String {
    try folder.write(littleEndian(UInt64(json.utf8.count)) + Array(json.utf8) + data, to: name)
  }

  private func message(_ body: @autoclosure () throws -> some Any) -> String {
    do {
      _ = try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func readsEveryFloatType() throws {
    let json = """
      {"d":{"dtype":"F64","shape":[3],"data_offsets":[0,24]},
       "f":{"dtype":"F32","shape":[3],"data_offsets":[24,36]},
       "h":{"dtype":"F16","shape":[3],"data_offsets":[36,42]},
       "b":{"dtype":"BF16","shape":[3],"data_offsets":[42,48]}}
      """
    let values: [Double] = [1.5, -0.25, 65504]
    let data =
      values.flatMap { littleEndian($0.bitPattern) } + values.flatMap { littleEndian(Float($0).bitPattern) }
      + values.flatMap { littleEndian(Float16($0).bitPattern) }
      // bfloat16 by the definition of its bits: 1.5, -0.25 and infinity.
      + [0x3FC0, 0xBE80, 0x7F80].flatMap { littleEndian(UInt16($0)) }
    let file = try Checkpoint(path: write(json, data))
    for name in ["d", "f", "h"] {
      let tensor = try #require(file[name])
      #expect(try file.doubles(of: tensor) == values)
      #expect(try file.floats(of: tensor) == values.map(Float.init))
    }
    #expect(try file.floats(of: #require(file["b"])) == [1.5, -0.25, .infinity])
    #expect(file["x"] == nil)
  }

  @Test func notANumberAndSmallNumbersSurvive() throws {
    let json = "{\"h\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}"
    let path = try write(json, [0x7E00, 0xFC00, 0x0001, 0x8000].flatMap { littleEndian(UInt16($0)) })
    let file = try Checkpoint(path: path)
    let values = try file.floats(of: file.tensors[0])
    #expect(values[0].isNaN)
    #expect(values[1] == -.infinity)
    #expect(values[2] == 0x1p-24)
    #expect(values[3].sign == .minus && values[3] == 0)
  }

  /// Longer than one window of 256 Ki elements, read whole and in parts.
  @Test func readsPartsOfATensor() throws {
    let count = 600_000
    let path = folder.path("long.safetensors")
    try SafetensorsWriter.write(
      [OutputTensor("a", shape: [2, count / 2], float: { (0..<count).map(Float.init) })], to: path)
    let file = try Checkpoint(path: path)
    let tensor = file.tensors[0]
    #expect(try file.floats(of: tensor) == (0..<count).map(Float.init))
    var values = [Double](repeating: -1, count: 5)
    try file.read(tensor, elements: 299_999..<300_002, into: &values, at: 1)
    #expect(values == [-1, 299_999, 300_000, 300_001, -1])
  }

  @Test func typesThatAreNoFloats() throws {
    let json = "{\"i\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}"
    let file = try Checkpoint(path: write(json, Array(repeating: 0, count: 8)))
    #expect(file.tensors[0].type == .i64)
    #expect(message(try file.floats(of: file.tensors[0])).contains("tensor \"i\" has type I64"))
  }

  @Test func namesDoNotReachTheTerminal() throws {
    let json = "{\"a\\u001b[2J\\u202e\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
    let file = try Checkpoint(path: write(json, [0]))
    #expect(
      message(try file.floats(of: file.tensors[0])).contains("tensor \"a\\u{1b}[2J\\u{202e}\" has type U8"))
  }

  @Test func filesThatAreNone() throws {
    func error(_ bytes: [UInt8]) throws -> String {
      message(try Checkpoint(path: folder.write(bytes, to: "bad.safetensors")))
    }
    #expect(try error([]).contains("the file has 0 bytes"))
    #expect(try error([1, 2, 3]).contains("the file has 3 bytes"))
    #expect(try error(littleEndian(UInt64(0))).contains("expected {, found the end"))
    #expect(
      try error(littleEndian(UInt64(100)) + [0x7B, 0x7D])
        .contains("a header of 100 bytes is stated, but 2 bytes follow"))
    #expect(
      try error(littleEndian(UInt64(100_000_001)) + [0x7B]).contains("the most is 100000000"))
    #expect(
      try error(littleEndian(UInt64(1) << 63) + [0x7B]).contains("a header of 9223372036854775808 bytes"))
    #expect(try error(littleEndian(UInt64.max) + [0x7B]).contains("is stated; the most is"))
    #expect(try error(Array("PK\u{3}\u{4} a zip file".utf8)).contains("not a valid archive of torch.save"))
    let missing = folder.path("missing")
    #expect(message(try Checkpoint(path: missing)) == "\(missing): no such file")
    let empty = folder.path("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
    #expect(message(try Checkpoint(path: empty)).contains("is a folder without a checkpoint"))
    #expect(try error(Array("\u{89}HDF\r\n".utf8)).contains("not a valid safetensors file"))
    #expect(try error([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]).contains("is an HDF5 file"))
    #expect(try error(Array("version https://git-lfs.github.com/spec/v1\n".utf8)).contains("git lfs pull"))
  }

  @Test func aFileThatIsCutWhileOpen() throws {
    let path = try write(
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", Array(repeating: 1, count: 8))
    let file = try Checkpoint(path: path)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: 60)
    try handle.close()
    #expect(message(try file.floats(of: file.tensors[0])).contains("was changed by another program"))
  }
}
