import FlyingSocks
import Synchronization

/// News for every page that is open, as server-sent events.
final class EventStream: Sendable {
  private struct State {
    var listeners: [Int: AsyncStream<[UInt8]>.Continuation] = [:]
    var next = 0
    var last: [UInt8] = []
  }

  private let state = Mutex(State())

  /// Pages that listen.
  var listenerCount: Int { state.withLock { $0.listeners.count } }

  /// Sends JSON without line breaks to every page; one that comes later begins with it.
  func send(_ json: [UInt8]) {
    let message = Array("data: ".utf8) + json + Array("\n\n".utf8)
    let listeners = state.withLock { state in
      state.last = message
      return state.listeners.values
    }
    for listener in listeners { listener.yield(message) }
  }

  /// Says nothing, so that pages and proxies know that the server is there, and the server which pages are gone.
  func beat() {
    let listeners = state.withLock { $0.listeners.values }
    for listener in listeners { listener.yield(Array(": \n\n".utf8)) }
  }

  /// The news from now on.
  func listen() -> EventSequence {
    // A page that does not keep up needs the newest news alone.
    let (stream, continuation) = AsyncStream.makeStream(
      of: [UInt8].self, bufferingPolicy: .bufferingNewest(4))
    let (key, last) = state.withLock { state in
      state.next += 1
      state.listeners[state.next] = continuation
      return (state.next, state.last)
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.listeners.removeValue(forKey: key) }
    }
    continuation.yield(Array("retry: 1000\n\n".utf8) + last)
    return EventSequence(stream: stream)
  }
}

/// The bytes of a stream of events.
struct EventSequence: AsyncBufferedSequence {
  typealias Element = UInt8

  let stream: AsyncStream<[UInt8]>

  struct AsyncIterator: AsyncBufferedIteratorProtocol {
    var messages: AsyncStream<[UInt8]>.Iterator
    var rest: ArraySlice<UInt8> = []

    mutating func next() async throws -> UInt8? {
      if rest.isEmpty { rest = await messages.next()?[...] ?? [] }
      return rest.popFirst()
    }

    mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? {
      while rest.isEmpty {
        guard let message = await messages.next() else { return nil }
        rest = message[...]
      }
      let part = rest.prefix(count)
      rest = rest.dropFirst(count)
      return Array(part)
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(messages: stream.makeAsyncIterator()) }
}
