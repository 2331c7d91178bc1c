import Testing

@testable import CommandOptions
@testable import NFProbeCommands

@Suite struct CommandWordTests {
  private let names = ["grads", "train", "sweep", "stability", "init", "info", "compare", "report"]

  private func message(_ words: String...) -> String? {
    do {
      try CommandWord.check(words, among: names)
      return nil
    } catch { return "\(error)" }
  }

  @Test(arguments: ["grads", "--help", "-h", "--version", "help", "--generate-completion-script"])
  func commandsAndOptionsPass(word: String) { #expect(message(word) == nil) }

  @Test func noWordAndHelpOnCommandsPass() {
    #expect(message() == nil)
    #expect(message("help", "grads") == nil)
    #expect(message("help", "--help") == nil)
  }

  @Test(arguments: [
    ("grad", "grads"), ("gradients", "grads"), ("grdas", "grads"), ("GRADS", "grads"), ("stab", "stability"),
    ("comapre", "compare"), ("reports", "report"), ("trian", "train"), ("inf", "info"),
  ])
  func theNearestIsSuggested(word: String, command: String) throws {
    for text in [message(word, "run.h5"), message("help", word)] {
      #expect(try #require(text).contains("no command \(word) (did you mean \(command)?)"))
    }
  }

  @Test func whatResemblesNoneGetsNoSuggestion() throws {
    let text = try #require(message("quantise"))
    #expect(!text.contains("did you mean") && text.contains("nf-probe --help"))
  }

  @Test func aFileIsNoCommand() throws {
    #expect(try #require(message("/dev/null")).contains("/dev/null is a file or folder"))
  }

  @Test func controlCharactersAreShownAsWhatTheyAre() throws {
    #expect(try #require(message("\u{1B}[2J")).contains("\\u{1b}[2J"))
  }
}
