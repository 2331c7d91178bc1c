import ArgumentParser

/// Something that ends a command with a message and an exit status.
package struct CommandError: Error, CustomStringConvertible {
  /// What is wrong, where, and what to do.
  package let description: String
  /// 1: it could not be done; 2: it was not asked for rightly.
  package let exitStatus: Int32

  /// Something that could not be done.
  package static func failed(_ message: String) -> CommandError {
    CommandError(description: message, exitStatus: 1)
  }

  /// A request that makes no sense.
  package static func usage(_ message: String) -> CommandError {
    CommandError(description: message, exitStatus: 2)
  }
}
