import Testing

@testable import Checkpoints

@Suite struct SafetensorsHeaderTests {
  private func problem(_ json: String, _ dataByteCount: Int) -> String {
    problem(Array(json.utf8), dataByteCount)
  }

  private func problem(_ bytes: [UInt8], _ dataByteCount: Int) -> String {
    do throws(HeaderError) {
      _ = try SafetensorsHeader(bytes, dataByteCount: dataByteCount)
      return "accepted"
    } catch {
      return error.problem
    }
  }

  private static func tensor(
    _ name: String, _ type: String = "F32", _ shape: String = "[2]", _ offsets: String = "[0,8]"
  ) -> String {
    "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  // MARK: - What is accepted

  @Test func tensorsComeInTheOrderOfTheirBytes() throws {
    let json =
      " {\(Self.tensor("b", "F64", "[1, 2]", "[8,24]")), \(Self.tensor("a")) ,"
      + "\"__metadata__\":{\"k\":\"v\",\"\":\"\"}} \n\t "
    let header = try SafetensorsHeader(Array(json.utf8), dataByteCount: 24)
    let first = 8 + json.utf8.count
    #expect(
      header.tensors == [
        TensorInfo(name: "a", type: .f32, shape: [2], byteRange: first..<(first + 8)),
        TensorInfo(name: "b", type: .f64, shape: [1, 2], byteRange: (first + 8)..<(first + 24)),
      ])
    #expect(header.metadata == ["k": "v", "": ""])
  }

  @Test(arguments: [
    ("{}", 0), ("{\"__metadata__\":{}}", 0), ("{\(tensor("scalar", "F64", "[]", "[0,8]"))}", 8),
    ("{\(tensor("empty", "F32", "[0,5]", "[0,0]"))}", 0), ("{\(tensor("packed", "F4", "[2]", "[0,1]"))}", 1),
    ("{\(tensor("../../etc/passwd"))}", 8), ("{\(tensor("a\\\"\\\\\\u00e9\\ud83c\\udf0d"))}", 8),
    ("{\(tensor("empty", "F32", "[0]", "[8,8]")),\(tensor("a"))}", 8),
  ])
  func isAccepted(json: String, dataByteCount: Int) {
    #expect(problem(json, dataByteCount) == "accepted")
  }

  @Test func escapesAreUnderstood() throws {
    let json = "{\(Self.tensor("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83c\\udf0d"))}"
    let header = try SafetensorsHeader(Array(json.utf8), dataByteCount: 8)
    #expect(header.tensors[0].name == "\"\\/\u{8}\u{C}\n\r\tA\u{1F30D}")
  }

  // MARK: - What is refused

  @Test(arguments: [
    ("", 0, "expected {, found the end"),
    ("[]", 0, "expected {, found ["),
    ("{", 0, "expected \", found the end"),
    ("{}x", 0, "expected the end, found x"),
    ("{}\u{0}", 0, "expected the end, found byte 0x0"),
    ("{\(tensor("a")),}", 8, "expected \", found }"),
    ("{\(tensor("a"))", 8, "expected }, found the end"),
    ("{\(tensor("a")),\(tensor("a"))}", 8, "tensor \"a\" occurs twice"),
    ("{\(tensor("a")),\(tensor("\\u0061"))}", 8, "tensor \"a\" occurs twice"),
    ("{\(tensor(""))}", 8, "a tensor without a name"),
    ("{\"a\":1}", 8, "expected {, found 1"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "data_offsets is missing"),
    (
      "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
      "dtype occurs twice"
    ),
    (
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
      "shape occurs twice"
    ),
    (
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"extra\":{}}}", 8,
      "unknown field \"extra\""
    ),
    ("{\(tensor("a", "f32"))}", 8, "unknown dtype \"f32\""),
    ("{\(tensor("a", "F33"))}", 8, "unknown dtype \"F33\""),
    ("{\(tensor("a", "F32", "[2.0]"))}", 8, "expected ], found ."),
    ("{\(tensor("a", "F32", "[-2]"))}", 8, "expected a whole number, found -"),
    ("{\(tensor("a", "F32", "[02]"))}", 8, "a number with a leading 0"),
    ("{\(tensor("a", "F32", "[NaN]"))}", 8, "expected a whole number, found N"),
    ("{\(tensor("a", "F32", "[null]"))}", 8, "expected a whole number, found n"),
    ("{\(tensor("a", "F32", "[9223372036854775808]"))}", 8, "a number that does not fit 63 bits"),
    ("{\(tensor("a", "F32", "[9223372036854775807]"))}", 8, "a shape with more elements than any file holds"),
    ("{\(tensor("a", "F32", "[4294967296,4294967296]"))}", 8, "a shape with more elements"),
    ("{\(tensor("a", "F32", "[0,9223372036854775807]", "[0,0]"))}", 0, "a shape with more elements"),
    (
      "{\(tensor("a", "F32", "[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]"))}", 8,
      "more than 64 numbers in a list"
    ),
    ("{\(tensor("a", "F32", "[[2]]"))}", 8, "expected a whole number, found ["),
    ("{\(tensor("a", "F32", "[3]"))}", 8, "shape [3] of F32 takes 12 bytes, data_offsets 8"),
    ("{\(tensor("a", "F4", "[3]", "[0,1]"))}", 1, "a shape that does not fill whole bytes"),
    ("{\(tensor("a", "F32", "[2]", "[8,0]"))}", 8, "data_offsets are not a start and an end"),
    ("{\(tensor("a", "F32", "[2]", "[8]"))}", 8, "data_offsets are not a start and an end"),
    ("{\(tensor("a", "F32", "[2]", "[0,8,16]"))}", 8, "more than 2 numbers"),
    ("{\(tensor("a", "F32", "[2]", "[-8,0]"))}", 8, "expected a whole number, found -"),
    ("{\(tensor("a", "F32", "[2]", "[4,12]"))}", 12, "leaves a hole before it"),
    ("{\(tensor("a")),\(tensor("b", "F32", "[2]", "[4,12]"))}", 12, "overlaps the tensor before it"),
    ("{\(tensor("a")),\(tensor("b"))}", 8, "overlaps the tensor before it"),
    ("{\(tensor("a")),\(tensor("b", "F32", "[2]", "[12,20]"))}", 20, "leaves a hole before it"),
    ("{\(tensor("a"))}", 9, "the tensors take 8 bytes, but 9 bytes of data are there"),
    ("{\(tensor("a"))}", 7, "the tensors take 8 bytes, but 7 bytes of data are there"),
    ("{}", 1, "the tensors take 0 bytes, but 1 bytes"),
    ("{\"__metadata__\":{\"a\":1}}", 0, "expected \", found 1"),
    ("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "metadata \"a\" occurs twice"),
    ("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ occurs twice"),
    ("{\"a\nb\":{}}", 0, "a control character in a string"),
    ("{\"a", 0, "a string without an end"),
    ("{\"a\\", 0, "a string without an end"),
    ("{\"\\x\":{}}", 0, "an escape that JSON does not have"),
    ("{\"\\u12g4\":{}}", 0, "an escape without four hexadecimal digits"),
    ("{\"\\u12", 0, "an escape without four hexadecimal digits"),
    ("{\"\\ud800\":{}}", 0, "half a surrogate pair"),
    ("{\"\\ud800\\u0041\":{}}", 0, "half a surrogate pair"),
    ("{\"\\udc00\":{}}", 0, "half a surrogate pair"),
  ])
  func isRefused(json: String, dataByteCount: Int, expected: String) {
    #expect(problem(json, dataByteCount).contains(expected))
  }

  @Test func stringsMustBeUTF8() {
    let name: [UInt8] = [0x22, 0xC0, 0x80, 0x22]
    #expect(problem([0x7B] + name + [0x3A, 0x7B], 0) == "a string that is not UTF-8")
  }

  @Test func namesAndMetadataAreBounded() {
    let name = String(repeating: "n", count: 4096)
    #expect(problem("{\(Self.tensor(name))}", 8) == "accepted")
    #expect(problem("{\(Self.tensor(name + "n"))}", 8) == "a string of more than 4096 bytes")
    let value = String(repeating: "v", count: 1_000_000)
    #expect(problem("{\"__metadata__\":{\"configuration\":\"\(value)\"}}", 0) == "accepted")
    let many = (0...100_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
    #expect(problem("{\"__metadata__\":{\(many)}}", 0) == "more than 100000 entries of metadata")
  }

  /// The scanner does not recurse, so depth costs nothing.
  @Test func deepNestingIsRefusedAtOnce() {
    let deep = "{\"a\":" + String(repeating: "[", count: 1_000_000)
    #expect(problem(deep, 0) == "expected {, found [")
  }
}
