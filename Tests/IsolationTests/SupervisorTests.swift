import Foundation
import RunData
import RunFile
import RunFileTestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct SupervisorTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func run(_ arguments: String...) throws -> Program.Outcome {
    try Program.run(Program.built("isolation-child"), arguments, in: folder)
  }

  @Test func exitStatusIsPassedOn() throws {
    let three = try run("exit")
    #expect(three.status == 3 && !three.isKilled && three.output == "exited(3)\n" && three.errors.isEmpty)
    let good = try run("wait-outside")
    #expect(good.status == 0 && good.output == "exited(0)\n")
  }

  @Test(arguments: [("crash", 11, "Segmentation fault"), ("abort", 6, "Aborted")])
  func crashesBecomeAMessage(mode: String, signal: Int, name: String) throws {
    let outcome = try run(mode)
    #expect(outcome.status == 1 && !outcome.isKilled)
    #expect(outcome.output == "crashed(signal: \(signal))\n")
    #expect(
      outcome.errors
        == "the file could not be read: the file is damaged (the HDF5 library crashed on it: \(name))\n")
  }

  @Test func hangsBecomeAMessage() throws {
    let outcome = try run("hang")
    #expect(outcome.status == 1 && outcome.output == "hung\n")
    #expect(outcome.errors.hasPrefix("the file could not be read: the file is damaged"))
  }

  @Test func memoryIsLimited() throws {
    #expect(try run("memory").output == "refused\nexited(0)\n")
  }

  /// The child's id, once it has said that it is ready.
  private func readyChild(_ program: Program) throws -> Int32 {
    while program.isRunning {
      let words = program.outputSoFar.split(whereSeparator: \.isWhitespace)
      if words.count >= 2, words[0] == "ready", let child = Int32(words[1]) { return child }
      usleep(2000)
    }
    throw Program.MissingProgram("the child ended before it was ready")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func signalsReachTheChild(signal: Int32) throws {
    let program = try Program(Program.built("isolation-child"), ["signal"], in: folder)
    let child = try readyChild(program)
    program.send(signal)
    let outcome = try program.wait()
    #expect(outcome.status == 128 + signal && !outcome.isKilled)
    #expect(outcome.output.hasSuffix("interrupted(\(128 + signal))\n"))
    #expect(kill(child, 0) == -1)
  }

  @Test func unhandledSignalsAreNoDamage() throws {
    let program = try Program(Program.built("isolation-child"), ["unhandled"], in: folder)
    _ = try readyChild(program)
    program.send(SIGTERM)
    let outcome = try program.wait()
    #expect(outcome.status == 143 && outcome.errors.isEmpty)
  }

  @Test func noOrphanStaysBehind() throws {
    let program = try Program(Program.built("isolation-child"), ["unhandled"], in: folder)
    let child = try readyChild(program)
    program.send(SIGKILL)
    #expect(try program.wait().isKilled)
    let end = ContinuousClock.now + .seconds(5)
    // Whoever inherits the child may be slow to collect it: a zombie counts as ended.
    while isAlive(child), ContinuousClock.now < end { usleep(5000) }
    #expect(!isAlive(child))
  }

  private func isAlive(_ process: Int32) -> Bool {
    guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else {
      return false
    }
    return !line.contains(") Z ")
  }
}
