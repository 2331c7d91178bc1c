import Dispatch
import FoundationEssentials
import Isolation

/// The server's side of a ``ReadingProcess``: starts it, asks it, and starts another one when a file has taken it down.
final class ReadingService: @unchecked Sendable {
  /// Everything below is used on this queue alone: a process answers one request after another.
  private let queue = DispatchQueue(label: "nf-probe watch: reading")
  private var worker: Worker?
  private var refusals: [String: WatchRequest.Refusal] = [:]
  private var lastAsked: ContinuousClock.Instant?

  /// The reply to a request; where the process ends at it, what is known of why.
  func reply(to path: String, _ query: [String: String] = [:]) async -> WatchReply {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: self.ask(path, query)) }
    }
  }

  /// Ends a process that nobody has asked for some seconds; the next request starts another one.
  func rest(after seconds: Double) {
    queue.async {
      if let last = self.lastAsked, last.duration(to: .now) > .seconds(seconds) { self.worker = nil }
    }
  }

  private func ask(_ path: String, _ query: [String: String]) -> WatchReply {
    defer { lastAsked = .now }
    // A file may take one process down, be refused, and the request is tried again with the others.
    for _ in 0..<3 {
      do {
        let worker = try worker ?? start()
        let request = WatchRequest(path, query, refusals: Array(refusals.values))
        switch worker.ask(request.bytes) {
        case .reply(let bytes):
          return WatchReply(bytes) ?? .failure(500, "the reading process makes no sense")
        case .ended(let outcome, let note): learn(from: outcome, note)
        }
      } catch {
        return .failure(503, "\(error)")
      }
    }
    return .failure(503, "the reading process ended; trying again")
  }

  private func start() throws -> Worker {
    // A file that is looked at for hours must not be kept from a run that goes on with it: HDF5 would lock it as long as it is
    // open. The marks in the file itself still say whether somebody writes it.
    let worker = try Worker(variables: ["HDF5_USE_FILE_LOCKING": "FALSE"])
    self.worker = worker
    return worker
  }

  private func learn(from outcome: Supervisor.Outcome, _ note: [UInt8]) {
    worker = nil
    guard let file = try? JSONDecoder().decode(FileNote.self, from: Data(note)) else { return }
    let message =
      outcome.message(reading: file.path)
      ?? "\(file.path) could not be read: the process that read it ended"
    refusals[file.path] = WatchRequest.Refusal(path: file.path, stamp: file.stamp, message: message)
  }
}
