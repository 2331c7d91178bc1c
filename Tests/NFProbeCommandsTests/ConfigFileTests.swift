import Experiments
import FileTestSupport
import Testing

@testable import CommandOptions
@testable import NFProbeCommands

/// Configuration files that are wrong: each is refused as bad usage, with file and line.
@Suite(.timeLimit(.minutes(2))) struct ConfigFileTests {
  static let options = [
    SettingInfo(name: "layers", isFlag: false, isInvertible: false),
    SettingInfo(name: "steps", isFlag: false, isInvertible: false),
    SettingInfo(name: "lr", isFlag: false, isInvertible: false),
    SettingInfo(name: "corpus", isFlag: false, isInvertible: false),
    SettingInfo(name: "architectures", isFlag: false, isInvertible: false),
    SettingInfo(name: "config", isFlag: false, isInvertible: false),
    SettingInfo(name: "quiet", isFlag: true, isInvertible: false),
    SettingInfo(name: "scale-fc", isFlag: true, isInvertible: true),
  ]

  static func options(ofCommand name: String) -> [SettingInfo]? { name == "grads" ? options : nil }

  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("probe.yaml")
  }

  private func expanded(_ text: String, _ arguments: [String] = []) throws -> ConfigFile.Expansion {
    _ = try folder.write(text, to: "probe.yaml")
    return try ConfigFile.expanded(
      ["grads", "--config", path] + arguments, options: Self.options(ofCommand:))
  }

  private func options(_ text: String) throws -> [String] {
    try Array(expanded(text).arguments.dropFirst().dropLast(2))
  }

  private func refusal(_ text: String) -> String? {
    let error = #expect(throws: CommandError.self) { try expanded(text) }
    #expect(error?.exitStatus == 2)
    return error.map { String($0.description.trimmingPrefix("--config \(path)")) }
  }

  @Test func keysBecomeOptions() throws {
    #expect(try options("layers: 3\nlr: 1e-3 # small\n") == ["--layers=3", "--lr=1e-3"])
    #expect(try options(#"{"layers": 3, "corpus": "a b.txt"}"#) == ["--layers=3", "--corpus=a b.txt"])
    #expect(try options("architectures: [pre-ln, post-ln]") == ["--architectures=pre-ln,post-ln"])
    #expect(try options("quiet: yes\nscale-fc: false\n") == ["--quiet", "--no-scale-fc"])
    // Neither a value nor `null` leaves the option as it is.
    #expect(try options("layers:\nsteps: null\nlr: ~\nquiet: false\n") == [])
    #expect(try options("corpus: 'null'") == ["--corpus=null"])
    // Not aliases: nothing is called D or x.
    #expect(try options("corpus: R&D/*.txt\n") == ["--corpus=R&D/*.txt"])
    #expect(try options("corpus: '*x'\n") == ["--corpus=*x"])
  }

  @Test func wrongTextsAreNamedWithTheirLine() {
    #expect(refusal("layers: 3\nlayrs: 3\n") == ", line 2: `grads` has no key layrs (did you mean layers?)")
    #expect(refusal("layers: 3\nsteps: 3\nlayers: 4\n") == ", line 1: layers is given twice")
    #expect(refusal("layers: [1\nsteps: 2\n")?.hasPrefix(", line 2 is no YAML: ") == true)
    #expect(refusal("layers: 1\n---\nlayers: 2\n")?.hasPrefix(", line 2 is no YAML: ") == true)
    #expect(refusal("layers: 1\nsteps: 2\0\n")?.hasPrefix(", line 2 is no YAML: control characters") == true)
    #expect(refusal("- layers\n") == ", line 1 must hold keys and values, like `steps: 300`")
    #expect(refusal("") == " must hold keys and values, like `steps: 300`")
    #expect(refusal("\nconfig: other.yaml\n")?.hasPrefix(", line 2: `grads` has no key config") == true)
  }

  @Test func wrongTypesAreNamedWithTheirLine() {
    for value in ["{a: 1}", "[1, [2]]", "[1, {a: 2}]", "[1, null]"] {
      #expect(
        refusal("layers: 1\nsteps: \(value)\n")
          == ", line 2: steps needs one value, or a list of values without lists in it")
    }
    #expect(refusal("quiet: often\n") == ", line 1: quiet is true or false, not often")
    #expect(refusal("quiet: [true]\n") == ", line 1: quiet is true or false, not a list")
    #expect(refusal("? [layers]\n: 1\n")?.contains("cannot be a key") == true)
    #expect(refusal("\ncorpus: \"a\\0b\"\n") == #", line 2: corpus holds a control character: a\u{0}b"#)
    #expect(refusal("\"\\e[31mlayers\": 1\n") == #", line 1: `grads` has no key \u{1b}[31mlayers"#)
  }

  @Test func bytesThatAreNoTextAreNamedWithTheirLine() throws {
    _ = try folder.write(Array("layers: 3\nsteps: ".utf8) + [0xFF, 0xFE, 0x0A], to: "probe.yaml")
    let error = #expect(throws: CommandError.self) {
      try ConfigFile.expanded(["grads", "--config=\(path)"], options: Self.options(ofCommand:))
    }
    #expect(error?.description == "--config \(path), line 2 is not UTF-8 text")
  }

  /// Texts that stand for far more than they hold.
  @Test func largeAndDeepTextsAreRefused() {
    let doubled = (1..<40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
    #expect(
      refusal("a0: &a0 [x, x]\n\(doubled)? *a39\n: 1\n")
        == ", line 2: the alias *a0 is not followed; write the value itself")
    #expect(refusal("a: &x [*x]\n")?.contains("the alias *x") == true)
    #expect(refusal("a:\n- &x 1\n-   *x\n")?.contains("line 3: the alias *x") == true)
    for nest in ["[", "{a: ", "- ", "? "] {
      let text = "steps:\n " + String(repeating: nest, count: 60_000 / nest.count)
      #expect(refusal(text)?.contains("nesting level") == true)
    }
    // As deep as the parser allows.
    let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(refusal("steps: \(deep)\n")?.contains("without lists in it") == true)
    let deepLines = String(repeating: "- \(deep)\n", count: 30)
    #expect(refusal("steps:\n\(deepLines)")?.contains("without lists in it") == true)
    #expect(refusal("steps: " + String(repeating: "9", count: 60_000))?.contains("is longer than") == true)
    let longKey = refusal("? " + String(repeating: "k", count: 60_000) + "\n: 1\n")
    #expect(longKey?.contains("has no key kkk") == true && longKey?.count ?? 0 < 120)
    #expect(
      refusal(String(repeating: "#\n", count: 40_000)) == " is larger than a configuration can be (64 KiB)")
    let keys = (0..<5000).map { "key\($0): 1\n" }.joined()
    #expect(refusal(keys)?.contains("has no key key0") == true)
  }

  @Test func messagesOnOptionsNameTheirPlace() throws {
    let expansion = try expanded("layers: 3\nsteps: many\nlr: 1\n", ["--lr=2"])
    #expect(
      expansion.located("The value 'many' is invalid for '--steps <steps>'\nUsage: --layers")
        == "--config \(path), line 2: The value 'many' is invalid for '--steps <steps>'\nUsage: --layers")
    // The command line's own wins, and is to blame.
    #expect(expansion.located("--lr must be smaller") == nil)
    #expect(expansion.located("--heads must divide the width") == nil)
  }
}
