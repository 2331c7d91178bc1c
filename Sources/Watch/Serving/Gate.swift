import FlyingFox

/// Who may see the page.
///
/// A page of another site that somebody has open in the same browser must not read it, also not under a name that its owner
/// lets point to this machine (DNS rebinding): on the loopback address only its own names are answered. Elsewhere, and
/// wherever one was asked for, a token in the address says who is meant to see it; nobody else knows it, whatever the name.
struct Gate: Sendable {
  /// The token; nil where none is needed.
  let token: String?

  /// Why a request is refused; nil for one that is not.
  func refusal(_ request: HTTPRequest) -> (status: HTTPStatusCode, reason: String)? {
    if let token {
      let given = request.query["token"] ?? ""
      guard Self.isEqual(given, token) else {
        return (.forbidden, "The address lacks the token that nf-probe watch has printed.")
      }
    } else if !Self.isLoopback(host: request.headers[.host]) {
      return (
        HTTPStatusCode(421, phrase: "Misdirected Request"),
        "This page answers to localhost alone. Behind a proxy, start nf-probe watch with --token."
      )
    }
    let origin = request.headers[HTTPHeader("Origin")]
    if let origin, !isOwn(origin: origin, host: request.headers[.host]) {
      return (.forbidden, "Pages of other sites may not read this one.")
    }
    // Browsers say of every request where it comes from. Opening the page by a link, or in a notebook's frame, is fine.
    let site = request.headers[HTTPHeader("Sec-Fetch-Site")] ?? "none"
    let isOpened = request.headers[HTTPHeader("Sec-Fetch-Mode")] == "navigate"
    if site == "cross-site" || site == "same-site", !isOpened {
      return (.forbidden, "Pages of other sites may not read this one.")
    }
    return nil
  }

  private func isOwn(origin: String, host: String?) -> Bool {
    guard let host, let scheme = origin.firstRange(of: "://") else { return false }
    let own = origin[scheme.upperBound...]
    // A proxy may change the host; with a token that cannot do harm.
    return own.lowercased() == host.lowercased() || (token != nil && Self.isLoopback(host: host))
  }

  /// Whether a request was sent to a name of this very machine, at whatever port: a tunnel's may be another.
  static func isLoopback(host: String?) -> Bool {
    guard let host = host?.lowercased() else { return false }
    let name: Substring
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return false }
      name = host[...end]
      guard isPort(host[host.index(after: end)...]) else { return false }
    } else {
      let colon = host.firstIndex(of: ":") ?? host.endIndex
      name = host[..<colon]
      guard isPort(host[colon...]) else { return false }
    }
    return ["localhost", "127.0.0.1", "[::1]"].contains(name)
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.isEmpty || (text.first == ":" && text.dropFirst().allSatisfy { $0.isASCII && $0.isNumber })
  }

  /// Compares in a time that does not tell how much of it is right.
  static func isEqual(_ given: String, _ token: String) -> Bool {
    let (given, token) = (Array(given.utf8), Array(token.utf8))
    var difference = UInt(bitPattern: given.count ^ token.count)
    for index in token.indices {
      difference |= UInt(token[index] ^ (index < given.count ? given[index] : 0))
    }
    return difference == 0
  }

  /// A token that nobody can guess: 128 bits of the system's randomness in hexadecimal.
  static func makeToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let word = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - word.count) + word
    }.joined()
  }
}
