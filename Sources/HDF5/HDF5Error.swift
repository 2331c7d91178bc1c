import CHDF5

/// A call into the HDF5 library that failed: what was being done, and the library's own reasons.
public struct HDF5Error: Error, CustomStringConvertible, Sendable {
  /// What was being done, e.g. `writing 64 rows to loss`.
  public let action: String
  /// The library's messages, the deepest cause first.
  public let reasons: [String]

  /// Creates an error.
  public init(action: String, reasons: [String]) {
    self.action = action
    self.reasons = reasons
  }

  /// The operating system's words where a system call is the cause, e.g. `No space left on device`.
  public var systemMessage: String? {
    for reason in reasons {
      guard let start = reason.firstRange(of: "error message = '") else { continue }
      return String(reason[start.upperBound...].prefix { $0 != "'" })
    }
    return nil
  }

  /// One line: the action, then the system's message or the deepest and the outermost reason.
  public var description: String {
    if let systemMessage { return "\(action): \(systemMessage)" }
    guard let deepest = reasons.first, let outermost = reasons.last else { return "\(action) failed" }
    return deepest == outermost ? "\(action): \(deepest)" : "\(action): \(outermost) (\(deepest))"
  }
}

/// Makes one call into the library and turns its failure, a negative result, into an ``HDF5Error``.
///
/// Error stacks are kept per thread. One that still holds entries when the program ends breaks the library's own
/// shutdown, and one that prints would write to stderr on its own; so every call silences, reads and clears the
/// stack of the thread that it runs on.
@discardableResult
func check<Result: SignedInteger>(
  _ action: @autoclosure () -> String, _ call: () throws -> Result
) throws -> Result {
  H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
  let result = try call()
  guard result < 0 else { return result }
  let reasons = takeErrorStack()
  throw HDF5Error(action: action(), reasons: reasons)
}

/// The descriptions on this thread's error stack, the deepest first; the stack is empty afterwards.
private func takeErrorStack() -> [String] {
  final class Messages {
    var list: [String] = []
  }
  let messages = Messages()
  unsafe H5Ewalk2(
    hid_t(H5E_DEFAULT), H5E_WALK_UPWARD,
    { _, entry, context in
      if let entry = unsafe entry, let context = unsafe context, let text = unsafe entry.pointee.desc {
        let messages = unsafe Unmanaged<Messages>.fromOpaque(context).takeUnretainedValue()
        messages.list.append(unsafe String(cString: text))
      }
      return 0
    }, Unmanaged.passUnretained(messages).toOpaque())
  H5Eclear2(hid_t(H5E_DEFAULT))
  return withExtendedLifetime(messages) { messages.list }
}
