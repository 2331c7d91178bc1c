import ArgumentParser
import CommandOptions
import CommandSupport
import Foundation
import Glibc
import Synchronization
import Watch

/// `nf-probe watch`: runs while they grow, as a page in the browser.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Show runs in the browser while they grow.",
    discussion: """
      Serves a page that shows run files, growing, finished and killed, of our own loop and of the PyTorch recorder: their \
      losses against the floors, the gradients of every layer, and the mismatch over any window of steps. Takes run files and \
      folders; runs that appear in a folder later appear on the page. Nothing is written anywhere.

      Only this machine can see it, unless --host says otherwise; then the address has a token in it. From another machine, a \
      tunnel is best: ssh -L 8080:127.0.0.1:8080 HOST, and --port 8080 here.

      Examples:
        nf-probe watch nf-probe-runs
        nf-probe watch run.h5 baseline.h5 --port 8080 --no-open
        nf-probe watch /data/runs --host 0.0.0.0
      """)

  @Argument(help: ArgumentHelp("Run files, and folders that hold some.", valueName: "run or folder"))
  var inputs: [String]

  @Option(help: "The port. (default: a free one)")
  var port: Int?

  @Option(
    help: ArgumentHelp(
      "The address to listen at; other than this machine's own, it needs a token. (default: 127.0.0.1 and ::1)",
      valueName: "address"))
  var host: String?

  @Flag(
    help: ArgumentHelp(
      "Ask for a token on this machine too, and answer under any name: for proxies, and machines with several users."
    ))
  var token = false

  @Flag(inversion: .prefixedNo, help: "Open the page in a browser.")
  var open = true

  func validate() throws {
    guard !inputs.isEmpty else { throw ValidationError("name run files, or folders that hold some") }
    if let port, !(1...65535).contains(port) {
      throw ValidationError("--port must be between 1 and 65535, not \(port)")
    }
  }

  func run() throws {
    if ReadingProcess.isThis { return ReadingProcess(inputs: inputs, program: FigureFile.program).serve() }
    for input in inputs where !FileManager.default.fileExists(atPath: input) {
      throw CommandError.failed("\(input) does not exist; name run files (.h5), or folders that hold some")
    }
    // Blocked before any thread of ours exists, so that one waits for them all.
    let signals = StopSignals()
    let server = WatchServer(
      WatchServer.Place(host: host, port: port.map { UInt16($0) }, asksForToken: token))
    let opens = open
    Task {
      do {
        try await server.run { address in
          Console(isQuiet: false).print(address)
          Console(isQuiet: false).progress("Ctrl-C ends it")
          if opens { Browser.open(address) }
        }
      } catch {
        signals.fail("\(error)")
      }
    }
    switch signals.wait() {
    case .signal(let number): throw ExitCode(128 + number)
    case .failure(let message): throw CommandError.failed(message)
    }
  }
}

/// Waits on the main thread for what ends a server.
private final class StopSignals: Sendable {
  enum End {
    case signal(Int32)
    case failure(String)
  }

  private static let watched = [SIGINT, SIGTERM, SIGHUP]
  private let failure = Mutex<String?>(nil)
  /// The thread that waits.
  private let waiting = pthread_self()

  init() {
    var mask = Self.mask
    unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
  }

  /// Ends the waiting with a message.
  func fail(_ message: String) {
    failure.withLock { $0 = message }
    // To that thread alone: a library's thread, which was there before and blocks nothing, would end the program while this one does not yet
    // wait.
    pthread_kill(waiting, SIGTERM)
  }

  func wait() -> End {
    var mask = Self.mask
    var number: Int32 = 0
    while unsafe sigwait(&mask, &number) != 0 {}
    if let message = failure.withLock({ $0 }) { return .failure(message) }
    return .signal(number)
  }

  private static var mask: sigset_t {
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    for number in watched { unsafe sigaddset(&mask, number) }
    return mask
  }
}

/// The machine's browser, where it has one and somebody is in front of it.
private enum Browser {
  static func open(_ address: String) {
    let environment = ProcessInfo.processInfo.environment
    guard isatty(STDOUT_FILENO) == 1, environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil
    else {
      return
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["xdg-open", address]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try? process.run()
  }
}
