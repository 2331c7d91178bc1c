import Foundation
import RunData

/// What two runs were made with, side by side.
package enum RunDifference {
  /// A recorded run's settings as texts, by their names.
  package static func settings(_ manifest: RunManifest) -> [String: String] {
    let object =
      try? JSONSerialization.jsonObject(with: Data(manifest.configurationJSON.utf8)) as? [String: Any]
    return (object ?? [:]).mapValues { "\($0)" }
  }

  /// In what two runs differ, in words.
  package static func changes(from old: RunManifest, to new: RunManifest) -> [String] {
    let (before, now) = (settings(old), settings(new))
    var changes = Set(before.keys).union(now.keys).sorted().filter { before[$0] != now[$0] }.map {
      "\($0) was \(before[$0] ?? "absent"), is \(now[$0] ?? "absent")"
    }
    if old.corpus.sha256 != new.corpus.sha256 { changes.append("the corpus is not the same text any more") }
    return changes
  }

  /// In what two machines differ, in words.
  package static func changes(from old: MachineFacts, to new: MachineFacts) -> [String] {
    [
      ("program", old.program, new.program), ("matrix products", old.blas, new.blas),
      ("threads", String(old.threads), String(new.threads)), ("processor", old.cpu, new.cpu),
    ].filter { $0.1 != $0.2 }.map { "\($0.0): \($0.1), now \($0.2)" }
  }
}
