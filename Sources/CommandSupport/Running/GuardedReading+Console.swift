import CommandOptions
import RunReading

extension GuardedReading {
  /// The same with warnings on standard error.
  package static func run(_ paths: [String], stack: String? = nil, _ body: (GuardedReading) throws -> Void)
    throws
  {
    try run(paths, stack: stack, warn: Console(isQuiet: true).warn, body)
  }

  /// The child's side, with warnings on standard error.
  package init(_ paths: [String]) { self.init(paths, warn: Console(isQuiet: true).warn) }
}
