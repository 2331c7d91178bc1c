import FileTestSupport
import Foundation
import Testing

@testable import Checkpoints

/// Archives and pickles that nobody's `torch.save` wrote: each is refused with a message that says why.
@Suite struct TorchRefusalTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func message(_ bytes: [UInt8]) throws -> String {
    let path = try folder.write(bytes, to: "model.pt")
    do throws(CheckpointError) {
      let checkpoint = try Checkpoint(path: path)
      for tensor in checkpoint.tensors { _ = try checkpoint.floats(of: tensor) }
      return "no error"
    } catch {
      #expect(error.path == path)
      return error.description
    }
  }

  private static let tensor = PickleBytes.tensor(count: 4, shape: [2, 2], strides: [2, 1])
  private static let storage = (0..<16).map { UInt8($0) }

  private func archive(_ change: (inout ZipBuilder) -> Void = { _ in }) -> [UInt8] {
    var builder = ZipBuilder(
      pickle: PickleBytes.pickle(PickleBytes.dict([("a", Self.tensor)])), storages: ["0": Self.storage])
    change(&builder)
    return builder.bytes
  }

  /// The message for a pickle with right checksums around it.
  private func message(pickle value: [UInt8], storages: [String: [UInt8]] = ["0": storage]) throws -> String {
    try message(ZipBuilder(pickle: PickleBytes.pickle(value), storages: storages).bytes)
  }

  private func message(tensor: [UInt8]) throws -> String {
    try message(pickle: PickleBytes.dict([("a", tensor)]))
  }

  // MARK: - Archives

  @Test func anArchiveOfOurOwnIsRead() throws {
    #expect(try message(archive()) == "no error")
    #expect(try message(archive { $0.comment = Array("PK\u{5}\u{6} a comment".utf8) }) == "no error")
  }

  /// Values of every kind at the borders of the parts in which a pickle is read.
  @Test func longPicklesAreRead() throws {
    for padding in 0..<40 {
      let tensors = (0..<700).map { index in
        (
          "\(index)" + String(repeating: "a", count: padding),
          PickleBytes.tensor(count: 4, offset: index % 4, shape: [], strides: [])
        )
      }
      let pickle = PickleBytes.pickle(PickleBytes.dict(tensors))
      #expect(pickle.count > 1 << 16)
      let path = try folder.write(
        ZipBuilder(pickle: pickle, storages: ["0": Self.storage]).bytes, to: "long.pt")
      let checkpoint = try Checkpoint(path: path)
      #expect(checkpoint.tensors.count == 700)
      let last = try #require(checkpoint["699" + String(repeating: "a", count: padding)])
      #expect(try checkpoint.floats(of: last)[0].bitPattern == 0x0F0E_0D0C)
    }
  }

  @Test func archivesThatContradictThemselves() throws {
    #expect(try message(archive { $0.entries[1].method = 8 }).contains("is compressed (method 8)"))
    #expect(try message(archive { $0.entries[1].flags = 1 }).contains("is encrypted"))
    #expect(try message(archive { $0.entries[1].size = 15 }).contains("has 15 bytes"))
    #expect(try message(archive { $0.entries[1].size = 1 << 20 }).contains("lies outside the file"))
    #expect(try message(archive { $0.entries[1].size = 200 }).contains("reaches beyond the archive's data"))
    #expect(try message(archive { $0.entries[1].headerOffset = 0 }).contains("overlaps the entry before it"))
    #expect(try message(archive { $0.entries[1].headerOffset = .max }).contains("are damaged"))
    #expect(
      try message(archive { $0.entries[1].ownName = "archive/data/1" }).contains("contradicts the directory"))
    #expect(try message(archive { $0.entries.append($0.entries[1]) }).contains("occurs twice"))
    #expect(try message(archive { $0.entryCount = 7 }).contains("holds 2 entries and states 7"))
    #expect(try message(archive { $0.entries[0].name = "archive/other" }).contains("it holds no data.pkl"))
    #expect(try message(archive { $0.entries.remove(at: 1) }).contains("storage 0 is missing"))
    #expect(
      try message(archive().dropLast(30) + []).contains("directory, which stands at the end, is missing"))
    #expect(try message(archive() + [0]).contains("directory, which stands at the end, is missing"))
    for name in ["../x", "/x", "a//b", "a\\b", "archive/data/.."] {
      let added = archive { $0.entries.append(.init(name: name, bytes: [])) }
      #expect(try message(added).contains("named like a path outside the archive"))
    }
  }

  @Test func checksumsAreChecked() throws {
    #expect(try message(archive { $0.entries[0].crc = 1 }).contains("data.pkl does not have the checksum"))
    #expect(try message(archive { $0.entries[1].crc = 1 }).contains("tensor \"a\" do not have the checksum"))
    #expect(try message(archive { for index in 0..<2 { $0.entries[index].crc = 0 } }) == "no error")
  }

  @Test func otherByteOrdersAndPrograms() throws {
    let big = archive { $0.entries.append(.init(name: "archive/byteorder", bytes: Array("big".utf8))) }
    #expect(try message(big).contains("another byte order than little-endian"))
    let script = archive { $0.entries.append(.init(name: "archive/constants.pkl", bytes: [])) }
    #expect(try message(script).contains("is a TorchScript program"))
  }

  // MARK: - Tensors

  @Test func viewsThatReachBeyondTheirStorage() throws {
    let beyond = "reaches beyond the end of its storage"
    func view(_ offset: Int, _ shape: [Int], _ strides: [Int]) throws -> String {
      try message(tensor: PickleBytes.tensor(count: 4, offset: offset, shape: shape, strides: strides))
    }
    #expect(try view(0, [4], [1]) == "no error")
    #expect(try view(3, [], []) == "no error")
    #expect(try view(4, [0], [1]) == "no error")
    #expect(try view(4, [], []).contains(beyond))
    #expect(try view(1, [4], [1]).contains(beyond))
    #expect(try view(0, [2, 2], [3, 1]).contains(beyond))
    #expect(try view(0, [Int.max], [Int.max]).contains(beyond))
    #expect(try view(Int.max, [2], [1]).contains(beyond))
    #expect(try view(0, [Int.max, 2], [0, 0]).contains(beyond))
    #expect(try view(0, [0, Int.max, Int.max], [1, 1, 1]).contains(beyond))
    #expect(try view(0, [1 << 40], [0]).contains("repeats 4 stored elements to 1099511627776"))
    #expect(try view(0, [-1], [1]).contains("in a form that torch.save does not write"))
    #expect(try view(0, [1], [1, 1]).contains("in a form that torch.save does not write"))
    #expect(
      try view(0, Array(repeating: 1, count: 65), Array(repeating: 1, count: 65)).contains(
        "in a form that torch"))
    let more = PickleBytes.tensor(count: 5, shape: [5], strides: [1])
    #expect(try message(tensor: more).contains("has 16 bytes; the pickle states 5 elements"))
    let most = PickleBytes.tensor(count: Int.max, shape: [5], strides: [1])
    #expect(try message(tensor: most).contains(beyond))
    let strange = PickleBytes.tensor(type: "QUInt8Storage", count: 4, shape: [4], strides: [1])
    #expect(try message(tensor: strange).contains("storage of a kind that cannot be read"))
  }

  @Test func namesThatOccurTwice() throws {
    let twice = PickleBytes.dict([("a", Self.tensor), ("a", Self.tensor)])
    #expect(try message(pickle: twice).contains("tensor \"a\" occurs twice"))
    #expect(try message(pickle: PickleBytes.dict([("", Self.tensor)])).contains("has no name"))
  }

  // MARK: - Pickles

  /// What would run a command, were it ever called.
  @Test func nothingIsCalled() throws {
    let file = folder.path("made-by-the-pickle")
    let call =
      PickleBytes.global("os", "system") + PickleBytes.tuple([PickleBytes.text("touch \(file)")])
      + [UInt8(ascii: "R")]
    #expect(try message(pickle: PickleBytes.dict([("a", Self.tensor), ("b", call)])) == "no error")
    #expect(try message(pickle: call).contains("a whole object of class os.system"))
    #expect(!FileManager.default.fileExists(atPath: file))
  }

  @Test func picklesThatTakeWhatIsNotThere() throws {
    for opcodes in ["a", "s", "u", "e", "t", "R", "b", "Q", "q\u{0}", "(a", "N(s", "N(R"] {
      #expect(try message(pickle: Array(opcodes.utf8)).contains("takes values that are not there"))
    }
    #expect(try message(pickle: Array("h\u{5}".utf8)).contains("recalls value 5, which it never named"))
    #expect(try message(pickle: Array("NN".utf8)).contains("ends with 2 values"))
    #expect(try message(pickle: Array("N(".utf8)).contains("ends with 1 values"))
    #expect(try message(pickle: Array("NNs".utf8)).contains("takes values that are not there"))
    #expect(try message(pickle: Array("NNNs".utf8)).contains("sets items of what is no dict"))
    #expect(try message(pickle: Array("}(Nu".utf8)).contains("sets a key without a value"))
    #expect(try message(pickle: Array("NNa".utf8)).contains("appends to what is no list"))
    #expect(try message(pickle: Array("NNb".utf8)).contains("gives a state to what is no object"))
    #expect(try message(pickle: Array("i".utf8)).contains("opcode 0x69"))
    #expect(try message(pickle: [0x80, 4]).contains("pickle protocol 4"))
    #expect(try message(pickle: [UInt8(ascii: "X"), 0xFF, 0xFF, 0xFF, 0xFF]).contains("ends inside a value"))
    #expect(try message(pickle: [0x8A, 255]).contains("ends inside a value"))
    #expect(
      try message(pickle: Array("c".utf8) + Array(repeating: 65, count: 2000)).contains("a name of more than")
    )
    #expect(try message(ZipBuilder(pickle: [0x80, 2]).bytes).contains("ends inside a value"))
  }

  @Test func picklesThatGrow() throws {
    // Twenty-six levels of a tuple of the one before, twice: 2^26 leaves, were they ever copied.
    let doubled = (0..<26).flatMap { level in
      [UInt8(ascii: "q"), UInt8(level), UInt8(ascii: "h"), UInt8(level), 0x86]
    }
    #expect(try message(pickle: Array("N".utf8) + doubled).contains("holds no tensors"))
    let marks = [UInt8](repeating: UInt8(ascii: "("), count: 5000)
    #expect(try message(pickle: marks).contains("nested deeper than 1000"))
    let none = [UInt8](repeating: UInt8(ascii: "N"), count: 1_200_000)
    #expect(try message(pickle: none).contains("too many values on the stack"))
    // A dict that holds itself, under a name that is looked into.
    let text = PickleBytes.text("model")
    #expect(
      try message(pickle: Array("}q\u{0}".utf8) + text + Array("h\u{0}s".utf8)).contains("holds no tensors"))
    let holdsItself =
      Array("}q\u{0}".utf8) + PickleBytes.text("a") + Self.tensor + Array("s".utf8) + PickleBytes.text("b")
      + Array("h\u{0}s".utf8)
    #expect(try message(pickle: holdsItself).contains("its dicts are nested deeper than 8"))
  }

  /// 2000 references to a dict of 2000 references to a dict of 2000 values: 8 billion, were they all looked at.
  @Test func dictsThatShareTheirParts() throws {
    func dict(of value: [UInt8], named name: UInt8) -> [UInt8] {
      Array("}(".utf8) + (0..<2000).flatMap { PickleBytes.int($0) + value } + [
        UInt8(ascii: "u"), UInt8(ascii: "q"), name,
      ]
    }
    let tower =
      dict(of: [UInt8(ascii: "N")], named: 1) + dict(of: [UInt8(ascii: "h"), 1], named: 2)
      + dict(of: [UInt8(ascii: "h"), 2], named: 3)
    let pickle = PickleBytes.dict([
      ("parts", Array("(".utf8) + tower + Array("t".utf8)), ("model", [UInt8(ascii: "h"), 3]),
      ("a", Self.tensor),
    ])
    #expect(try message(pickle: pickle).contains("share their parts too often"))
  }
}
