import Charts
import Documents
import RunData
import Text

extension RunReport {
  /// The learned scales: the paper's Figure 4.
  var scaleSection: Document.Section {
    Document.Section("scales", "Learned scales", scaleBlocks)
  }

  private var scaleBlocks: [Document.Block] {
    let sources = scaleSources
    guard !sources.isEmpty else {
      return [
        .absence(
          noTraining
            ?? "no run has scales that NormFormer adds (α of FFN LN and Post-Attn LN, γ of HeadScale, λ of ResScale)"
            + " and a snapshot of them.")
      ]
    }
    let depths = Set(sources.map(\.depth)).sorted()
    return depths.flatMap { depth -> [Document.Block] in
      let own = sources.filter { $0.depth == depth }.map(\.source)
      let heading = depths.count > 1 ? [Document.Block.heading("Models of \(counted(depth, "layer"))")] : []
      return heading + blocks(own, suffix: depths.count > 1 ? "-\(depth)-layers" : "")
    }
  }

  /// Runs with scales that the paper has, and their depths: scales are put side by side layer by layer.
  private var scaleSources: [(source: ScaleSource, depth: Int)] {
    groups.flatMap(reported).compactMap { own in
      let names = own.run.manifest.scaleTensorNames
      guard !own.snapshots.isEmpty, names.contains(where: GainName.isShown) else { return nil }
      let origin = ScaleSource.Origin.run(own.run, snapshots: own.snapshots, schedule: own.schedule)
      return (ScaleSource(title: own.fileName, origin: origin), own.run.manifest.gradients.layerCount)
    }
  }

  private func blocks(_ sources: [ScaleSource], suffix: String) -> [Document.Block] {
    let report: ScaleReport
    do throws(AnalysisError) { report = try ScaleReport(of: sources, label: label) } catch {
      return [.absence("\(error).")]
    }
    let (program, command) = origin
    let boxes = report.boxFigure(addsPaper: options.addsPaper, program: program, command: command)
    var blocks: [Document.Block] = [
      .figure(
        Document.FigurePart(
          "scales\(suffix)", boxes,
          caption:
            "Learned scales, a box a layer: median, quartiles, whiskers of 1.5 interquartile ranges, outliers; with"
            + " lines at their initial value and at what weight decay alone would have made of it"
            + (options.addsPaper ? "; below, the paper's own boxes (125M, digitised)." : "."))),
      .table(
        Document.TablePart(
          "scales-trend\(suffix)", report.trendTable(bySeed: false), data: report.trendTable(bySeed: true))),
    ]
    if let table = try? report.table(layers: .paper) {
      blocks.append(
        .table(
          Document.TablePart(
            "scales\(suffix)", table, data: report.longTable, isFolded: table.rows.count > 12)))
    }
    if let heads = report.headTable {
      blocks.append(
        heads.rows.isEmpty
          ? .text(heads.notes.joined(separator: " "))
          : .table(Document.TablePart("heads\(suffix)", heads, isFolded: heads.rows.count > 20)))
    } else {
      blocks.append(.absence("heads nearly off: no run has HeadScale γ (c_attn)."))
    }
    return blocks + drift(report, suffix: suffix)
  }

  /// What this report calls a group.
  private func label(_ group: RunGroup) -> String {
    let id = group.manifest.runID
    return groups.first { $0.runs.contains { $0.manifest.runID == id } }?.label ?? group.label
  }

  private func drift(_ report: ScaleReport, suffix: String) -> [Document.Block] {
    let (program, command) = origin
    let snapshots = report.entries.flatMap(\.group.sources).map(\.steps.count).min() ?? 0
    guard snapshots > 1,
      let figure = try? report.driftFigure(layers: .paper, program: program, command: command)
    else {
      return [.absence("scales over training: there is one snapshot of them (--snapshot-every gives more).")]
    }
    return [
      .figure(
        Document.FigurePart(
          "scales-drift\(suffix)", figure,
          caption:
            "The median of each layer's scales over training, with what weight decay alone would have done to 1."
        ))
    ]
  }
}
