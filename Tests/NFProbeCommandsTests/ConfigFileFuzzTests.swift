import Experiments
import FileTestSupport
import FuzzTestSupport
import Testing

@testable import CommandOptions
@testable import NFProbeCommands

/// Configuration files with random edits: each becomes options that are known, or is refused as bad usage with file and line.
/// A trap or a hang fails the whole run.
@Suite(.timeLimit(.minutes(20))) struct ConfigFileFuzzTests {
  static let texts = [
    """
    # A short run.
    layers: 12
    steps: 300
    lr: 5.0e-4
    architectures: [pre-ln, "post-ln", 'normformer']
    corpus: >-
      books/a
      b.txt
    quiet: true
    scale-fc: no
    """,
    #"{"architectures": "pre-ln", "corpus": "a\u00e9.txt", "layers": 3, "lr": 0.001, "quiet": false, "steps": 12}"#,
    """
    %YAML 1.1
    ---
    layers: !!int "3"
    architectures:
    - pre-ln
    -   &name post-ln
    corpus: |
      text
    steps: ~
    ...
    """,
  ]

  static let fragments = [
    "&a ", "*a", "*name", "&a [*a]", "[", "]", "{", "}", ",", ": ", "- ", "? ", "!!binary ", "!<tag:x> ",
    "|\n", ">2\n",
    "\"", "'", "\\", "\\x00", "\\ud800", "\\U0010FFFF", "\t", "\0", "\u{7F}", "\u{85}", "\u{2028}",
    "\u{FEFF}", "---\n",
    "...\n", "%TAG ! x\n", "<<: ", "\r\n", "\r", "\n", "\n  ", "#", "null", "~", "1e999", "layers: 4\n",
    "config: x\n",
    "999999999999999999999999999999",
  ].map { Array($0.utf8) }

  private func mutated(_ generator: inout Generator) -> [UInt8] {
    var bytes = Array(generator.pick(Self.texts).utf8)
    for _ in 0..<generator.below(5) {
      if generator.below(8) == 0 {
        // One thing many times: depth and length.
        let fragment = generator.pick(Self.fragments)
        let many = Array(repeatElement(fragment, count: 1 + generator.below(3000)).joined())
        bytes.insert(contentsOf: many, at: generator.below(bytes.count + 1))
      } else {
        generator.damage(&bytes, inserting: Self.fragments)
      }
    }
    return bytes
  }

  @Test func areRefusedOrBecomeOptions() throws {
    let folder = try TemporaryFolder()
    let known = Set(ConfigFileTests.options.map(\.name))
    var generator = Generator(state: 1)
    var (accepted, refused, withLine) = (0, 0, 0)
    let count = Fuzzing.count(600)
    for index in 0..<count {
      let path = try folder.write(mutated(&generator), to: "fuzz.yaml")
      do {
        let arguments = try ConfigFile.expanded(
          ["grads", "--config", path, "--steps=1"], options: ConfigFileTests.options(ofCommand:)
        ).arguments
        #expect(arguments[0] == "grads" && arguments.suffix(3) == ["--config", path, "--steps=1"])
        for word in arguments.dropFirst().dropLast(3) {
          let name = word.dropFirst(2).prefix { $0 != "=" }
          #expect(
            word.hasPrefix("--") && known.contains(String(name.trimmingPrefix("no-"))),
            "input \(index): \(word)")
          #expect(!word.utf8.contains { $0 < 0x20 } && word.utf8.count < 5000, "input \(index)")
        }
        accepted += 1
      } catch let error as CommandError {
        let message = error.description
        #expect(error.exitStatus == 2 && message.hasPrefix("--config \(path)"), "input \(index): \(message)")
        #expect(
          !message.contains { $0.isNewline } && message.utf8.count < path.utf8.count + 500,
          "input \(index): \(message)")
        refused += 1
        if message.contains("fuzz.yaml, line ") { withLine += 1 }
      }
    }
    print(
      "\(count) damaged configurations: \(accepted) accepted, \(refused) refused, \(withLine) of them with a line"
    )
    // Both must occur, or this tests nothing; only what is empty or too long has no line.
    #expect(accepted > count / 20 && refused > count / 4 && withLine > refused * 9 / 10)
  }
}
