import FlyingFox
import FlyingSocks
import FoundationEssentials
import Glibc
import Synchronization

/// Serves the page until its task is cancelled.
public final class WatchServer: Sendable {
  /// Something that keeps the server from starting, in words for people.
  public struct StartError: Error, CustomStringConvertible {
    /// What is wrong.
    public let description: String
  }

  /// Where it is to be found.
  public struct Place: Sendable {
    /// The address to listen at; nil for this machine alone, under 127.0.0.1 and ::1.
    public var host: String?
    /// The port; nil for a free one.
    public var port: UInt16?
    /// Whether a token is needed on this machine too.
    public var asksForToken: Bool

    /// Creates a place.
    public init(host: String? = nil, port: UInt16? = nil, asksForToken: Bool = false) {
      self.host = host
      self.port = port
      self.asksForToken = asksForToken
    }

    /// Whether only this machine can reach it.
    var isLoopback: Bool { host.map { ["127.0.0.1", "::1", "localhost"].contains($0) } ?? true }
  }

  private let place: Place
  private let gate: Gate
  private let events = EventStream()
  private let reading = ReadingService(keepsFiles: true)
  /// For what takes long, so that it keeps no picture waiting.
  private let slowReading = ReadingService(keepsFiles: false)

  /// Prepares a server; nothing is read or opened yet.
  public init(_ place: Place) {
    self.place = place
    gate = Gate(token: place.asksForToken || !place.isLoopback ? Gate.makeToken() : nil)
    raiseFileLimit()
  }

  /// Serves.
  /// - Parameter isReady: is told the address once it answers.
  /// - Throws: ``StartError``.
  public func run(isReady: @Sendable (String) -> Void) async throws {
    let servers = try await listening()
    isReady(address(port: servers.port))
    await withTaskGroup(of: Void.self) { group in
      for task in servers.tasks { group.addTask { _ = try? await task.value } }
      group.addTask { await self.lookAround() }
      await group.waitForAll()
    }
  }

  // MARK: - Listening

  private func listening() async throws -> (port: UInt16, tasks: [Task<Void, any Error>]) {
    guard let host = place.host, host != "localhost" else {
      var failure = StartError(description: "no port is free")
      // A port that is free under one of the two addresses may be taken under the other.
      for _ in 0..<(place.port == nil ? 20 : 1) {
        do {
          let four = try await listen(try sockaddr_in.inet(ip4: "127.0.0.1", port: place.port ?? 0))
          guard Self.hasIPv6 else { return (four.port, [four.task]) }
          do {
            let six = try await listen(sockaddr_in6.loopback(port: four.port))
            return (four.port, [four.task, six.task])
          } catch {
            four.task.cancel()
            throw error
          }
        } catch let error as StartError { failure = error }
      }
      throw failure
    }
    let one =
      if let address = try? sockaddr_in.inet(ip4: host, port: place.port ?? 0) {
        try await listen(address)
      } else if let address = try? sockaddr_in6.inet6(ip6: host, port: place.port ?? 0) {
        try await listen(address)
      } else {
        throw StartError(
          description: "\(host) is no address of this machine; name one such as 0.0.0.0 or 192.168.1.7")
      }
    return (one.port, [one.task])
  }

  private func listen(
    _ address: some SocketAddress
  ) async throws -> (port: UInt16, task: Task<Void, any Error>) {
    let handler = PageHandler(gate: gate, events: events, reading: reading, slowReading: slowReading)
    let server = HTTPServer(address: address, timeout: 120, logger: .disabled, handler: handler)
    let failed = Mutex<(any Error)?>(nil)
    let task = Task {
      do { try await server.run() } catch {
        failed.withLock { $0 = error }
        throw error
      }
    }
    // Whichever comes first: it listens, or it has failed.
    while await !server.isListening, failed.withLock({ $0 == nil }) {
      try? await Task.sleep(for: .milliseconds(2))
    }
    if let failure = failed.withLock({ $0 }) {
      let port = place.port.map { "port \($0)" } ?? "a free port"
      let reason = "\(failure)".contains("in use") ? "it is in use" : "it cannot be opened"
      throw StartError(description: "\(place.host ?? "127.0.0.1") cannot be served at \(port): \(reason)")
    }
    switch await server.listeningAddress {
    case .ip4(_, let port), .ip6(_, let port): return (port, task)
    default: throw StartError(description: "the server has no port")
    }
  }

  /// Whether this machine has the address ::1.
  private static let hasIPv6: Bool = {
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let address = sockaddr_in6.loopback(port: 0)
    return unsafe address.withSockAddr { unsafe bind(descriptor, $0, $1) == 0 }
  }()

  private func address(port: UInt16) -> String {
    let host = place.host ?? "127.0.0.1"
    let name = host.contains(":") ? "[\(host)]" : host == "0.0.0.0" ? machineName() : host
    return "http://\(name):\(port)/" + (gate.token.map { "?token=\($0)" } ?? "")
  }

  // MARK: - News

  /// Looks at the runs again and again, and tells the pages what has changed.
  private func lookAround() async {
    var last: [UInt8] = []
    var beats = 0
    while !Task.isCancelled {
      let start = ContinuousClock.now
      let reply = await reading.reply(to: "poll")
      let work = start.duration(to: .now)
      if reply.head.status == 200 {
        if reply.body != last { events.send(reply.body) }
        last = reply.body
      }
      let isPartial = reply.head.isPartial ?? false
      beats += 1
      if beats % 10 == 0 {
        events.beat()
        slowReading.rest(after: 45)
      }
      // Nobody looks: there is time. Somebody does: as seldom as takes a two-hundredth of a core, where the runs train, too.
      let rest: Duration =
        events.listenerCount > 0 ? max(.seconds(1), min(.seconds(2), work * 200)) : .seconds(2)
      try? await Task.sleep(for: isPartial ? .milliseconds(20) : rest)
    }
  }
}

/// Answers requests.
private struct PageHandler: HTTPHandler {
  let gate: Gate
  let events: EventStream
  let reading: ReadingService
  let slowReading: ReadingService

  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    if let refusal = gate.refusal(request) { return PageFiles.sentence(refusal.status, refusal.reason) }
    guard request.method == .GET || request.method == .HEAD else {
      return PageFiles.sentence(.methodNotAllowed, "This page is for reading alone.")
    }
    // Whatever a proxy has left of its own prefix, the last part says what is wanted.
    let parts = request.target.path().split(separator: "/", omittingEmptySubsequences: false)
    let name = parts.last.map(String.init) ?? ""
    if let file = PageFiles.response(name, token: gate.token) { return file }
    guard parts.count >= 2, parts[parts.count - 2] == "api" else {
      return PageFiles.sentence(.notFound, "There is no such page.")
    }
    if name == "events" {
      return HTTPResponse(
        statusCode: .ok, headers: PageFiles.headers("text/event-stream"),
        body: HTTPBodySequence(from: events.listen()))
    }
    var query: [String: String] = [:]
    for item in request.query where item.name != "token" { query[item.name] = item.value }
    // What reads every operation of a run.
    let isSlow = name == "findings" || ["operations", "ratio"].contains(query["view"])
    let start = ContinuousClock.now
    let reply = await (isSlow ? slowReading : reading).reply(to: name == "runs" ? "poll" : name, query)
    let milliseconds = Int((start.duration(to: .now) / .milliseconds(1)).rounded(.up))
    var headers = PageFiles.headers(reply.head.contentType, fileName: reply.head.fileName)
    // The page asks the less often the more work it makes; the way to it is none.
    headers[HTTPHeader("Server-Timing")] = "answer;dur=\(milliseconds)"
    return HTTPResponse(
      statusCode: HTTPStatusCode(reply.head.status, phrase: reply.head.status == 200 ? "OK" : "Error"),
      headers: headers, body: Data(reply.body))
  }
}

/// Each open page takes a connection or two.
private func raiseFileLimit() {
  var limits = rlimit()
  unsafe getrlimit(__rlimit_resource_t(7), &limits)  // RLIMIT_NOFILE
  limits.rlim_cur = min(limits.rlim_max, 65_536)
  unsafe setrlimit(__rlimit_resource_t(7), &limits)
}

private func machineName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  guard unsafe gethostname(&name, name.count - 1) == 0 else { return "0.0.0.0" }
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
