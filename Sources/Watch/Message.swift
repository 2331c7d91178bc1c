import FoundationEssentials

/// What the server asks the process that reads: the last part of an address, and what stands behind its question mark.
struct WatchRequest: Codable, Sendable {
  /// `poll`, `view`, `figure.svg`, ...
  var path: String
  /// The choices, by name.
  var query: [String: String] = [:]
  /// Files that are not to be touched, because an earlier process ended at them.
  var refusals: [Refusal] = []
  /// Whether files may stay open behind the answer.
  var keepsFiles = true

  /// A file that took the reading process down.
  struct Refusal: Codable, Sendable {
    var path: String
    /// The file as it was then; one that has changed may be tried again.
    var stamp: String
    /// What to say of it.
    var message: String
  }

  var bytes: [UInt8] { (try? Array(JSONEncoder().encode(self))) ?? [] }

  init(_ path: String, _ query: [String: String] = [:], refusals: [Refusal] = [], keepsFiles: Bool = true) {
    self.path = path
    self.query = query
    self.refusals = refusals
    self.keepsFiles = keepsFiles
  }

  init?(_ bytes: [UInt8]) {
    guard let value = try? JSONDecoder().decode(WatchRequest.self, from: Data(bytes)) else { return nil }
    self = value
  }
}

/// What the reading process answers: a line of facts, and the content.
struct WatchReply: Sendable {
  /// The facts.
  struct Head: Codable, Sendable {
    /// HTTP's.
    var status: Int
    /// HTTP's.
    var contentType: String
    /// The name to save it under; nil for what is shown.
    var fileName: String?
    /// Whether there is more to look at, of a list.
    var isPartial: Bool?
  }

  var head: Head
  var body: [UInt8]

  init(status: Int = 200, contentType: String, fileName: String? = nil, body: [UInt8]) {
    head = Head(status: status, contentType: contentType, fileName: fileName)
    self.body = body
  }

  /// A value as JSON.
  init(status: Int = 200, _ value: some Encodable) {
    self.init(
      status: status, contentType: "application/json", body: (try? Array(JSONEncoder().encode(value))) ?? [])
  }

  /// What is wrong, for people.
  static func failure(_ status: Int, _ message: String) -> WatchReply {
    WatchReply(status: status, ["error": message])
  }

  var bytes: [UInt8] {
    ((try? Array(JSONEncoder().encode(head))) ?? []) + [UInt8(ascii: "\n")] + body
  }

  init?(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
      let head = try? JSONDecoder().decode(Head.self, from: Data(bytes[..<end]))
    else { return nil }
    self.head = head
    body = Array(bytes[(end + 1)...])
  }
}

/// What the reading process is at, so that a file that takes it down is known.
struct FileNote: Codable, Sendable {
  var path: String
  var stamp: String
}
