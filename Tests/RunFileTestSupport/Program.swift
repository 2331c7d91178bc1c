import Foundation

/// A program that a test runs.
public final class Program {
  /// What a program left behind.
  public struct Outcome: Sendable {
    /// The exit status, or the signal that ended it.
    public var status: Int32
    /// Whether a signal ended it.
    public var isKilled: Bool
    /// Standard output.
    public var output: String
    /// Standard error.
    public var errors: String
  }

  private let process = Process()
  private let output: URL
  private let errors: URL

  /// Starts a program; its output goes to files, so that it can never block on a full pipe.
  public init(_ executable: String, _ arguments: [String], in folder: TemporaryFolder) throws {
    let name = UUID().uuidString
    output = URL(fileURLWithPath: folder.file(name + ".out"))
    errors = URL(fileURLWithPath: folder.file(name + ".err"))
    for url in [output, errors] { try Data().write(to: url) }
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
  }

  /// The process id.
  public var identifier: Int32 { process.processIdentifier }
  /// Whether it still runs.
  public var isRunning: Bool { process.isRunning }
  /// Standard output so far.
  public var outputSoFar: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

  /// Sends a signal.
  public func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for its end; a program that takes longer than `seconds` is killed.
  public func wait(seconds: Double = 60) throws -> Outcome {
    let end = ContinuousClock.now + .seconds(seconds)
    while process.isRunning, ContinuousClock.now < end { usleep(2000) }
    if process.isRunning { send(SIGKILL) }
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, isKilled: process.terminationReason == .uncaughtSignal,
      output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8))
  }

  /// Runs a program to its end.
  public static func run(_ executable: String, _ arguments: [String], in folder: TemporaryFolder) throws
    -> Outcome
  {
    try Program(executable, arguments, in: folder).wait()
  }

  /// The path of an executable of this package, built beside the tests.
  public static func built(_ name: String) throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let folders = [tests, Bundle.main.bundlePath].map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
    for folder in folders + [Bundle.main.bundleURL] {
      let candidate = folder.appendingPathComponent(name).path
      if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
    }
    throw MissingProgram("\(name) is not built beside \(tests)")
  }

  /// The Python interpreter that has h5py, xarray and h5netcdf.
  public static func python(filePath: String = #filePath) throws -> String {
    let root = URL(fileURLWithPath: filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let path =
      ProcessInfo.processInfo.environment["NF_PROBE_PYTHON"]
      ?? root.appendingPathComponent(".venv/bin/python").path
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw MissingProgram(
        "\(path) is missing: run `make test`, which makes the Python environment, or set "
          + "NF_PROBE_PYTHON to an interpreter that has h5py, xarray and h5netcdf")
    }
    return path
  }

  /// A program that a test needs and that is not there.
  public struct MissingProgram: Error, CustomStringConvertible {
    /// What is missing and what to do.
    public let description: String

    /// Creates the error.
    public init(_ description: String) {
      self.description = description
    }
  }
}
