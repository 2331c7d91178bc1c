import Analysis
import Charts
import Documents
import Foundation
import RunData
import RunFile
import RunReading
import Text

/// Runs as a notebook that shows their figures at once, and has the code that makes the same from the run files.
public struct NotebookExport {
  /// A run that was read, and the file that it is in.
  public struct Source: Sendable {
    /// The file.
    public var path: String
    /// What was read of it.
    public var run: RecordedRun
    /// Whether rows whose checksum is wrong were left out.
    public var hasDamage: Bool

    /// Creates a source.
    public init(path: String, run: RecordedRun, hasDamage: Bool) {
      self.path = path
      self.run = run
      self.hasDamage = hasDamage
    }
  }

  private let sources: [Source]
  private let report: MismatchReport
  private let allowsMixedContracts: Bool
  private let code: NotebookCode
  private let program: String
  private let command: String

  /// Puts runs together.
  ///
  /// - Parameters:
  ///   - sources: the runs.
  ///   - report: their mismatch.
  ///   - allowsMixedContracts: whether runs are compared although their numbers do not mean the same.
  ///   - path: where the notebook will be.
  ///   - program: what figures say of the program that made them.
  ///   - command: and of what it was asked for.
  public init(
    _ sources: [Source], report: MismatchReport, allowsMixedContracts: Bool, path: String, program: String,
    command: String
  ) {
    self.sources = sources
    self.program = program
    self.command = command
    self.report = report
    self.allowsMixedContracts = allowsMixedContracts
    let files = Dictionary(sources.map { ($0.run.manifest.runID, $0.path) }) { first, _ in first }
    let groups = report.entries.map { entry in
      let paths = entry.group.runs.compactMap { files[$0.manifest.runID] }
      return (entry.group.label, paths.map { relativePath(of: $0, from: path) })
    }
    let unmeasured = report.entries.filter { $0.mismatch == nil }.map(\.group.label)
    code = NotebookCode(
      groups: groups, unmeasured: unmeasured, operation: report.operation, window: report.window)
  }

  /// All cells, with figures in them.
  public func notebook() throws -> Notebook {
    var cells = [introduction, .code("setup", code.setup)]
    cells += [
      .markdown("mismatch", "## Gradient mismatch of \(report.operation)"),
      .code("mismatch-table", code.mismatch, [table(report.table)]),
      .code(
        "mismatch-figure", code.gradientFigure, [figure(report.figure(program: program, command: command))]),
      .markdown("loss", "## Loss"),
      .code("loss-figure", code.lossFigure, [figure(try losses)]),
    ]
    cells += ratioCells
    cells += scaleCells
    cells += [
      .markdown(
        "package",
        "## With the package\n\nWhere `nf_probe` is installed, it has these numbers as xarray and pandas."),
      .code("package-numbers", code.package),
    ]
    return Notebook(cells: cells)
  }

  // MARK: - Parts

  private var introduction: Notebook.Cell {
    var table = Table(
      title: "",
      columns: ["group", "seed", "run", "steps", "status", "corpus"].map { key in
        Table.Column(key, title: key, kind: key == "steps" ? .integer : .text)
      })
    for entry in report.entries {
      for run in entry.group.runs {
        table.append([
          .text(entry.group.label), .text("\(run.manifest.seed)"), .text(run.manifest.runID),
          .integer(run.steps.count),
          .text("\(run.status)"), .text(run.manifest.corpus.name),
        ])
      }
    }
    let contract = report.entries[0].group.manifest.contract.labels.map { "\($0.name) \($0.value)" }
    var text = """
      # Gradients of \(counted(sources.count, "run"))

      \(markdown(table))

      Gradients: \(contract.joined(separator: "; ")).

      What is shown below each cell was made by \(program) when this notebook was exported. Running the cells makes the \
      same from the run files with h5py and NumPy, the figures with matplotlib; intervals come from nf-probe alone. \
      Jupyter shows SVG figures of a notebook that it trusts (File, Trust Notebook).
      """
    let damaged = sources.filter(\.hasDamage).map(\.path)
    if !damaged.isEmpty {
      text +=
        "\n\nRows whose checksum is wrong are left out above the code's own numbers, which have them: "
        + damaged.joined(separator: ", ") + ". `nf-probe verify` shows which."
    }
    return .markdown("runs", text)
  }

  private var losses: Figure {
    get throws {
      try LossReport(runs: sources.map(\.run), allowsMixedContracts: allowsMixedContracts)
        .figure(program: program, command: command)
    }
  }

  /// The first file's group is the base; the others are compared with it, one by one.
  private var ratioCells: [Notebook.Cell] {
    guard report.entries.count > 1, let first = sources.first?.run.manifest.runID else { return [] }
    let groups = report.entries.map(\.group)
    let base = groups.first { $0.runs.contains { $0.manifest.runID == first } } ?? groups[0]
    var cells = [Notebook.Cell.markdown("ratio", "## Gradients over those of \(base.label)")]
    for (index, other) in groups.filter({ $0.label != base.label }).enumerated() {
      let id = "ratio-\(index)"
      do {
        let ratio = try GradientRatio(
          runs: base.runs + other.runs, window: nil, allowsMixedContracts: allowsMixedContracts)
        guard let map = ratio.mapFigure(program: program, command: command) else { continue }
        let text = code.ratioFigure(base: base.label, other: other.label, window: ratio.window)
        cells.append(.code(id, text, [figure(map)]))
      } catch {
        cells.append(.markdown(id, "No ratio of \(other.label): \(error)."))
      }
    }
    return cells
  }

  /// Nothing where no run has a scale to show.
  private var scaleCells: [Notebook.Cell] {
    let runs = sources.map(\.run).filter { !$0.snapshots.isEmpty }
    guard !runs.isEmpty, let report = try? ScaleReport(of: runs.map { ScaleSource($0) }) else { return [] }
    let names = report.scales.compactMap { tensor in
      runs.lazy.compactMap { run in
        run.manifest.scaleTensorNames.firstIndex(of: tensor).map { "scale_\(run.manifest.scales[$0].name)" }
      }.first
    }
    let boxes = report.boxFigure(addsPaper: false, program: program, command: command)
    return [
      .markdown("scales", "## Learned scales"),
      .code("scales-figure", code.scaleFigure(names), [figure(boxes)]),
    ]
  }

  // MARK: - Outputs

  private func figure(_ figure: Figure) -> Notebook.Output {
    Notebook.Output(data: ["image/svg+xml": figure.svg, "text/plain": figure.metadata.title])
  }

  private func table(_ table: Table) -> Notebook.Output {
    Notebook.Output(data: [
      "text/markdown": table.rendered(as: .markdown), "text/plain": table.rendered(as: .table),
    ])
  }

  /// Without the title's line.
  private func markdown(_ table: Table) -> String {
    table.rendered(as: .markdown).split(separator: "\n").filter { $0.hasPrefix("|") }.joined(separator: "\n")
  }
}

/// The path of a file as seen from the folder of another, so that both can move together.
func relativePath(of file: String, from other: String) -> String {
  func parts(_ path: String) -> [String] {
    URL(fileURLWithPath: path).deletingLastPathComponent().resolvingSymlinksInPath().standardizedFileURL
      .pathComponents
  }
  let (here, there) = (parts(other), parts(file))
  let shared = zip(here, there).prefix { $0 == $1 }.count
  let steps = Array(repeating: "..", count: here.count - shared) + there.dropFirst(shared)
  return (steps + [URL(fileURLWithPath: file).lastPathComponent]).joined(separator: "/")
}
