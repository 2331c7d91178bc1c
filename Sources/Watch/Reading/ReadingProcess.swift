import Analysis
import Charts
import Documents
import FoundationEssentials
import Glibc
import Isolation
import RunFile
import Text

/// The process that reads run files and makes what the page shows, so that a file that crashes or stops the library takes no
/// server with it.
public struct ReadingProcess {
  /// Whether this process is one: then it has to ``serve()`` and nothing else.
  public static var isThis: Bool { Worker.isThis }

  /// Seconds that one look at a file may take.
  private static let patience = 60.0

  private let channel = WorkerChannel()
  private let catalog: RunCatalog
  private let making: ViewMaking
  private let findings = FindingList()
  private let lastList = LastList()

  /// - Parameters:
  ///   - inputs: run files, and folders that hold some.
  ///   - program: name and version of the program, which figures carry.
  public init(inputs: [String], program: String) {
    let channel = channel
    catalog = RunCatalog(inputs: inputs, guardian: ReadGuard(seconds: Self.patience)) { run in
      let note = FileNote(path: run.path, stamp: FileStamp(run.path)?.text ?? "")
      channel.note((try? Array(JSONEncoder().encode(note))) ?? [])
    }
    making = ViewMaking(catalog: catalog, program: program)
  }

  /// Answers the server until it is gone.
  public func serve() {
    channel.serve { bytes in
      guard let request = WatchRequest(bytes) else { return WatchReply.failure(400, "no such request").bytes }
      catalog.refuse(request.refusals)
      defer { if !request.keepsFiles { catalog.closeFiles() } }
      return answer(request).bytes
    }
  }

  private func answer(_ request: WatchRequest) -> WatchReply {
    do {
      switch request.path {
      case "poll":
        return list(isPartial: catalog.look(until: .now + .milliseconds(250)))
      case "view": return WatchReply(try view(request).content)
      case "findings": return WatchReply(try findings.rows(ViewQuery(request.query), making))
      case "figure.svg":
        return file("image/svg+xml", "figure.svg", try view(request).figure.svg)
      case "figure.csv": return file("text/csv; charset=utf-8", "figure.csv", try view(request).figure.csv)
      case "table.csv":
        let table = try view(request).tables[0]
        return file("text/csv; charset=utf-8", "table.csv", table.rendered(as: .csv))
      default: return .failure(404, "there is no such page")
      }
    } catch let mistake as ViewQuery.Mistake {
      return .failure(422, mistake.message)
    } catch let error as AnalysisError {
      return .failure(422, "\(error)")
    } catch let error as RunFileError {
      let name = catalog.ordered.first { $0.path == error.path }?.name ?? "a run file"
      return .failure(422, "\(name): \(error.detail)")
    } catch {
      return .failure(500, "the runs could not be read")
    }
  }

  /// The list; the one of the last look where nothing has changed since, which is most of the time.
  private func list(isPartial: Bool) -> WatchReply {
    let version = catalog.ordered.reduce(catalog.version) { $0 + $1.version }
    if let reply = lastList.reply, lastList.version == version, reply.head.isPartial == isPartial {
      return reply
    }
    var reply = WatchReply(catalog.list(isPartial: isPartial))
    reply.head.isPartial = isPartial
    (lastList.version, lastList.reply) = (version, reply)
    return reply
  }

  private func view(_ request: WatchRequest) throws -> RunView {
    try making.view(ViewQuery(request.query))
  }

  private func file(_ type: String, _ name: String, _ text: String) -> WatchReply {
    WatchReply(contentType: type, fileName: name, body: Array(text.utf8))
  }
}

/// The list as it was answered last.
private final class LastList {
  var version = 0
  var reply: WatchReply?
}
