import ArgumentParser
import Experiments

extension ExperimentError {
  /// What the command line says of it: settings are options here.
  package var text: String { message.text { "--\($0)" } }

  /// The same as a command's error.
  package var ofCommand: CommandError { CommandError(description: text, exitStatus: isRefusal ? 2 : 1) }
}

/// Passes on what a value says of itself as what the parser says of options.
package func asUsage(_ body: () throws(ExperimentError) -> Void) throws {
  do { try body() } catch { throw ValidationError(error.text) }
}
