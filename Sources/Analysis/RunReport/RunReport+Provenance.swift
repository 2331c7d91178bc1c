import Documents
import RunData

extension RunReport {
  /// Where every number comes from.
  var provenanceSection: Document.Section {
    var blocks: [Document.Block] = [
      .table(Document.TablePart("provenance", fileTable, isFolded: runs.count > 20)),
      .table(Document.TablePart("machines", machineTable)),
      .table(Document.TablePart("corpora", corpusTable)),
      .table(Document.TablePart("contracts", contractTable)),
    ]
    let attempts = attemptTable
    blocks.append(
      attempts.rows.isEmpty
        ? .text("Every run was made in one attempt.") : .table(Document.TablePart("attempts", attempts)))
    blocks += [
      .heading("This report"),
      .text(
        "Made by \(options.program) with the command below. Of absolute paths it has the last part; options that say only"
          + " where the report goes are left out."),
      .command(options.command),
    ]
    return Document.Section("provenance", "Provenance", blocks)
  }

  /// One row a run.
  private var fileTable: Table {
    var table = Table(
      title: "Run files",
      columns: [
        Table.Column("file", title: "file", kind: .text), Table.Column("run", title: "run id", kind: .text),
        Table.Column("group", title: "group", kind: .text), Table.Column("seed", title: "seed", kind: .text),
        Table.Column("started", title: "started (UTC)", kind: .text),
        Table.Column("machine", title: "machine", kind: .text),
        Table.Column("corpus", title: "corpus", kind: .text),
        Table.Column("contract", title: "contract", kind: .text),
      ],
      notes: [
        "run id: hash of configuration, seed and corpus; machine, corpus, contract: rows of the tables below."
      ])
    for (label, group) in allGroups {
      for own in reported(group) {
        let manifest = own.run.manifest
        table.append([
          .text(own.fileName), .text(manifest.runID), .text(label), .text("\(manifest.seed)"),
          .text(manifest.startedAt), .text(number(manifest.machine.facts, in: machines)),
          .text(
            number(manifest.corpus.sha256 + manifest.corpus.name, in: corpora.map { $0.sha256 + $0.name })),
          .text(number(manifest.contract, in: contracts)),
        ])
      }
    }
    return table
  }

  private func number<Value: Equatable>(_ value: Value, in values: [Value]) -> String {
    values.firstIndex(of: value).map { "\($0 + 1)" } ?? ""
  }

  private func distinct<Value: Equatable>(_ values: [Value]) -> [Value] {
    values.reduce(into: []) { found, value in if !found.contains(value) { found.append(value) } }
  }

  private var machines: [[String]] { distinct(runs.map(\.run.manifest.machine.facts)) }
  private var contracts: [NumberContract] { distinct(runs.map(\.run.manifest.contract)) }

  private static let numberColumn = Table.Column("number", title: "#", kind: .text)

  private var machineTable: Table {
    var table = Table(
      title: "Programs and machines that recorded the runs",
      columns: [
        Self.numberColumn, Table.Column("program", title: "program", kind: .text),
        Table.Column("cpu", title: "processor", kind: .text),
        Table.Column("blas", title: "matrix products (BLAS and its kernels)", kind: .text),
        Table.Column("threads", title: "threads", kind: .text),
      ])
    for (index, facts) in machines.enumerated() {
      table.append([.text("\(index + 1)")] + facts.map { .text($0) })
    }
    return table
  }

  private var corpusTable: Table {
    var table = Table(
      title: "Texts that the runs learned from",
      columns: [
        Self.numberColumn, Table.Column("name", title: "name", kind: .text),
        Table.Column("tokens", title: "tokens", kind: .integer, audience: .unlessEmpty),
        Table.Column("vocabulary", title: "vocabulary", kind: .integer),
        Table.Column("unigram_entropy", title: "unigram entropy", kind: .number(.decimals(3))),
        Table.Column(
          "entropy_rate", title: "entropy rate", kind: .number(.decimals(3)), audience: .unlessEmpty),
        Table.Column("sha256", title: "SHA-256", kind: .text),
      ], notes: ["Entropies in nats a token."])
    for (index, corpus) in corpora.enumerated() {
      table.append([
        .text("\(index + 1)"), .text(corpus.name), corpus.tokenCount.map { .integer($0) } ?? .missing,
        .integer(corpus.vocabularySize),
        corpus.unigramEntropy.isNaN ? .missing : .number(corpus.unigramEntropy),
        Self.number(corpus.entropyRate),
        .text(corpus.sha256),
      ])
    }
    return table
  }

  private var contractTable: Table {
    let all = contracts
    var table = Table(
      title: "Number contract: what the gradients are gradients of",
      columns: [Table.Column("label", title: "label", kind: .text)]
        + all.indices.map {
          Table.Column("contract_\($0 + 1)", title: all.count > 1 ? "\($0 + 1)" : "value", kind: .text)
        })
    for (index, label) in (all.first?.labels ?? []).enumerated() {
      table.append([.text(label.name)] + all.map { .text($0.labels[index].value) })
    }
    return table
  }

  /// The attempts at runs that were resumed.
  private var attemptTable: Table {
    var table = Table(
      title: "Attempts at runs that were resumed",
      columns: [
        Table.Column("run", title: "run", kind: .text),
        Table.Column("segment", title: "segment", kind: .integer),
        Table.Column("first_step", title: "from step", kind: .integer),
        Table.Column("end", title: "end", kind: .text),
        Table.Column("machine", title: "machine", kind: .text),
      ])
    for own in runs where own.attempts.count > 1 {
      for attempt in own.attempts {
        let isGoingOn = own.isGrowing && attempt == own.attempts.last
        let end = attempt.end != .running ? "\(attempt.end)" : isGoingOn ? "running" : "killed"
        table.append([
          .text(name(own.run)), .integer(attempt.segment), .integer(attempt.firstStep), .text(end),
          .text(attempt.machine),
        ])
      }
    }
    return table
  }
}

extension MachineFacts {
  /// Program, processor, matrix products, threads.
  fileprivate var facts: [String] { [program, cpu, blas, "\(threads)"] }
}
