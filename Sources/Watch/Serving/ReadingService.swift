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
  /// Seconds after which a request is no longer tried again.
  private static let patience = 10.0
  private let keepsFiles: Bool

  /// - Parameter keepsFiles: whether its process may keep files open between requests. Only one that is asked every second may: a file that
  ///   was deleted to make room takes it until it is closed.
  init(keepsFiles: Bool) { self.keepsFiles = keepsFiles }

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
    // A file may take one process down, be refused, and the request is tried again with the others: as long as each process that
    // ends tells of another file, and nobody waits for too long.
    let deadline = ContinuousClock.now + .seconds(Self.patience)
    var attemptsLeft = 3
    while attemptsLeft > 0, ContinuousClock.now < deadline {
      do {
        let worker = try worker ?? start()
        let request = WatchRequest(path, query, refusals: Array(refusals.values), keepsFiles: keepsFiles)
        switch worker.ask(request.bytes) {
        case .reply(let bytes):
          return WatchReply(bytes) ?? .failure(500, "the reading process makes no sense")
        case .ended(let outcome, let note): if !learn(from: outcome, note) { attemptsLeft -= 1 }
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

  /// Notes the file at which a process ended; returns whether it is one that was not known.
  private func learn(from outcome: Supervisor.Outcome, _ note: [UInt8]) -> Bool {
    worker = nil
    guard let file = try? JSONDecoder().decode(FileNote.self, from: Data(note)) else { return false }
    let message =
      outcome.message(reading: file.path)
      ?? "\(file.path) could not be read: the process that read it ended"
    let isNew = refusals[file.path]?.stamp != file.stamp
    refusals[file.path] = WatchRequest.Refusal(path: file.path, stamp: file.stamp, message: message)
    return isNew
  }
}
