import ArgumentParser
import FileTestSupport
import Foundation
import Testing

@testable import NFProbeCommands

/// Damaged configuration files: each is refused with a short message, or gives arguments for the parser.
@Suite(.timeLimit(.minutes(60))) struct ConfigFuzzTests {
  private static let whole = Array(
    """
    # a run
    steps: 300
    lr: 1e-3
    architecture: normformer
    scale-attn: true
    corpus: [book.txt, "größer.txt"]
    hold-out: 0.1   # a tenth
    seed: &seed 7
    threads: *seed
    out: |
      folder
    """.utf8)

  /// What YAML is made of, and what goes wrong in it.
  private static let fragments = [
    ":", ": ", "- ", "? ", "[", "]", "{", "}", ",", "&a ", "*a", "*seed", "!", "!!int ", "!!binary ", "|",
    ">",
    "\"", "'", "\\", "\\x", "#", "---\n", "...\n", "%YAML 9.9\n", "<<: *seed", "\n", "\t", "  ", "~", "null",
    "true", "0x", "1e999", "-9223372036854775809", "\u{0}", "\u{FEFF}", "\u{85}", "\u{1B}[2J", "steps: 1\n",
    "config: x\n", "no-update: true\n", "size: [", "a: " + String(repeating: "x", count: 5000), "--help\n",
    String(repeating: "[", count: 3000), String(repeating: "{a: ", count: 3000),
  ].map { Array($0.utf8) }

  private struct Generator {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  private func mutated(_ generator: inout Generator) -> [UInt8] {
    var bytes = Self.whole
    for _ in 0...generator.below(4) where !bytes.isEmpty {
      let position = generator.below(bytes.count)
      switch generator.below(6) {
      case 0: bytes[position] ^= 1 << UInt8(generator.below(8))
      case 1: bytes[position] = UInt8(generator.below(256))
      case 2: bytes.removeSubrange(position..<min(bytes.count, position + 1 + generator.below(20)))
      case 3: bytes.removeSubrange(position...)
      case 4:
        let end = min(bytes.count, position + generator.below(80))
        bytes.insert(contentsOf: bytes[position..<end], at: generator.below(bytes.count))
      default:
        bytes.insert(contentsOf: Self.fragments[generator.below(Self.fragments.count)], at: position)
      }
    }
    return bytes
  }

  /// A message that a terminal can show.
  private func check(_ message: String, _ trial: Int) {
    #expect(!message.isEmpty && message.utf8.count < 4000, "trial \(trial): \(message.utf8.count) bytes")
    let isPlain = message.unicodeScalars.allSatisfy {
      $0 == "\n" || $0.properties.generalCategory != .control
    }
    #expect(isPlain, "trial \(trial): \(message.debugDescription)")
  }

  @Test func areRefusedOrUnderstood() throws {
    let environment = ProcessInfo.processInfo.environment
    let folder = try TemporaryFolder()
    let commands = NFProbe.commandOptions()
    let whole = try folder.write(Self.whole, to: "whole.yaml")
    #expect(try ConfigFile.expanded(["train", "--config", whole], commands: commands).count == 12)
    var generator = Generator(state: environment["NF_PROBE_FUZZ_SEED"].flatMap(UInt64.init) ?? 1)
    let count = environment["NF_PROBE_FUZZ_COUNT"].flatMap(Int.init) ?? 150
    var (understood, refused, unparsed) = (0, 0, 0)
    for trial in 0..<count {
      let path = try folder.write(mutated(&generator), to: "config.yaml")
      do {
        let arguments = try ConfigFile.expanded(["train", "--config", path], commands: commands)
        understood += 1
        // The parser is slow in debug builds.
        guard understood % 8 == 1 else { continue }
        do { _ = try TrainCommand.parse(Array(arguments.dropFirst())) } catch {
          check(TrainCommand.fullMessage(for: error), trial)
          unparsed += 1
        }
      } catch let error as CommandError {
        #expect(error.description.hasPrefix("--config \(path)") && error.exitStatus == 2)
        check(error.description, trial)
        refused += 1
      }
    }
    print(
      "\(count) configuration files: \(refused) refused, \(understood) understood; the parser saw an eighth of these and refused \(unparsed)"
    )
    #expect(understood > count / 20 && refused > count / 20)
  }

  /// Keys and values as long as a file can be: neither the message nor the time to make it grows with them.
  @Test func longKeysAndValuesHaveShortMessages() throws {
    let folder = try TemporaryFolder()
    let commands = NFProbe.commandOptions()
    let long = String(repeating: "x", count: 1_000_000)
    for text in ["\(long): 1", "steps: \(long)", "scale-attn: \(long)", "[\(long)", "steps: [\(long)]"] {
      let path = try folder.write(text, to: "long.yaml")
      let error = #expect(throws: CommandError.self) {
        try ConfigFile.expanded(["train", "--config", path], commands: commands)
      }
      check(error?.description ?? "", 0)
    }
  }
}
