import FlyingFox
import FoundationEssentials

/// The files of the page, which the program holds, and what all answers have in common.
enum PageFiles {
  /// Nothing but this server, no inline script or style, and frames only of notebooks on this machine.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    + " base-uri 'none'; form-action 'none';"
    + " frame-ancestors 'self' http://localhost:* http://127.0.0.1:* vscode-webview:"

  /// By the last part of their address.
  private static let files: [String: (type: String, content: [UInt8])] = [
    "": ("text/html; charset=utf-8", PackageResources.index_html),
    "watch.css": ("text/css; charset=utf-8", PackageResources.watch_css),
    "watch.js": ("text/javascript; charset=utf-8", script),
    "icon.svg": ("image/svg+xml", PackageResources.icon_svg),
  ]

  /// The scripts as one, so that the page needs one address for them, in a scope of their own.
  private static let script: [UInt8] =
    Array("(() => {\n\"use strict\";\n".utf8)
    + [
      PackageResources.state_js, PackageResources.list_js, PackageResources.chart_js,
      PackageResources.watch_js,
    ].joined() + Array("})();\n".utf8)

  /// The file at an address; nil where there is none.
  /// - Parameter token: what the page has to add to the addresses of its parts.
  static func response(_ name: String, token: String?) -> HTTPResponse? {
    guard let file = files[name] else { return nil }
    var content = Data(file.content)
    if name.isEmpty, let token {
      let page = String(decoding: file.content, as: UTF8.self)
      let parts = ["icon.svg", "watch.css", "watch.js"]
      let linked = parts.reduce(page) { $0.replacing("\"\($1)\"", with: "\"\($1)?token=\(token)\"") }
      content = Data(linked.utf8)
    }
    return HTTPResponse(statusCode: .ok, headers: headers(file.type), body: HTTPBodySequence(data: content))
  }

  /// The headers of an answer.
  static func headers(_ contentType: String, fileName: String? = nil) -> HTTPHeaders {
    var headers: HTTPHeaders = [
      .contentType: contentType, HTTPHeader("Content-Security-Policy"): policy,
      HTTPHeader("X-Content-Type-Options"): "nosniff", HTTPHeader("Referrer-Policy"): "no-referrer",
      HTTPHeader("Cross-Origin-Resource-Policy"): "same-origin",
      // A run goes on: what was right is not kept.
      .cacheControl: "no-store",
    ]
    if let fileName { headers[.contentDisposition] = "attachment; filename=\"\(fileName)\"" }
    return headers
  }

  /// A sentence as an answer.
  static func sentence(_ status: HTTPStatusCode, _ text: String) -> HTTPResponse {
    HTTPResponse(
      statusCode: status, headers: headers("text/plain; charset=utf-8"), body: Data((text + "\n").utf8))
  }
}
