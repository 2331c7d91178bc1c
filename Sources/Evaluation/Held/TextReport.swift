import Documents
import RealModule
import Statistics
import Text

/// The losses of several models on one text, as numbers, tables and a figure.
public struct TextReport {
  /// One model.
  public struct Entry: Equatable, Sendable {
    /// What it is called.
    public let name: String
    /// Its losses.
    public let losses: TextLosses

    /// Creates an entry.
    public init(name: String, losses: TextLosses) {
      self.name = name
      self.losses = losses
    }
  }

  let text: HeldOutText
  let question: TextQuestion
  let entries: [Entry]
  /// What the intervals go over.
  let samples: [HeldOutText.Document]
  /// How they were found, for a note.
  let intervalNote: String
  /// What the text's loss cannot go below, nats a token; nil where nobody knows.
  let entropyRate: Double?
  private let units: [LossUnit]
  private let resampling: Resampling

  /// Creates a report of one model or more on the same question.
  public init(of entries: [Entry], on text: HeldOutText, _ question: TextQuestion, entropyRate: Double? = nil)
  {
    (self.text, self.question, self.entries, self.entropyRate) = (text, question, entries, entropyRate)
    let units = LossUnit.allCases.filter { text.total($0) ?? 0 > 0 }
    self.units = units
    let (samples, areDocuments) = text.samples()
    self.samples = samples
    let ratios = entries.flatMap { entry in
      units.map { Self.ratio(entry.losses, $0, samples) }
    }
    let blockLength = areDocuments ? 1 : ratios.map(Resampling.blockLength).max() ?? 1
    resampling = Resampling(ratios, blockLength: blockLength)
    intervalNote = Self.note(samples.count, areDocuments, blockLength)
  }

  /// The loss of some samples and what it is divided by: of tokens those that were asked for, of words and bytes all.
  private static func ratio(
    _ losses: TextLosses, _ unit: LossUnit, _ samples: [HeldOutText.Document]
  ) -> Resampling.Ratio {
    Resampling.Ratio(
      numerators: samples.map { losses.losses[$0.range].reduce(0, +) },
      denominators: samples.map { sample in
        unit == .token
          ? losses.contexts[sample.range].reduce(0.0) { $0 + ($1 > 0 ? 1 : 0) } : unit.count(of: sample) ?? 0
      })
  }

  private static func note(_ count: Int, _ areDocuments: Bool, _ blockLength: Int) -> String {
    guard count >= Resampling.fewestSamples else { return "No intervals: the text is too short for them." }
    return areDocuments
      ? "Intervals: 95 %, a bootstrap over \(count) documents."
      : "Intervals: 95 %, a bootstrap over \(count) stretches of the text, drawn \(blockLength) at a time."
  }

  private func column(_ entry: Int, _ unit: Int) -> Int { entry * units.count + unit }

  /// The mean loss of a model, nats a token.
  public func loss(_ entry: Int) -> Estimate { resampling.estimate(column(entry, 0)) }

  // MARK: - Tables

  /// A row for each model and unit: what the loss is divided by, and the loss in nats, in bits and as a perplexity.
  public var table: Table {
    var table = Table(
      title: "Loss on \(text.name), \(windowsText)",
      columns: [
        .init("checkpoint", title: "checkpoint", kind: .text), .init("by", title: "by", kind: .text),
        .init("count", title: "count", kind: .integer),
        .init("nats", title: "nats", kind: .estimate(.significant(4))),
        .init("bits", title: "bits", kind: .estimate(.significant(4)), priority: -1),
        .init("perplexity", title: "perplexity", kind: .estimate(.significant(4))),
      ], notes: notes)
    for (index, entry) in entries.enumerated() {
      for (place, unit) in units.enumerated() {
        let loss = resampling.estimate(column(index, place))
        let count = unit == .token ? Double(entry.losses.askedCount) : text.total(unit) ?? 0
        table.append([
          .text(entry.name), .text(unit.rawValue), .integer(Int(count.rounded())), .estimate(loss),
          .estimate(loss.mapped { $0 / Double.log(2) }), .estimate(loss.mapped(Double.exp)),
        ])
      }
    }
    return table
  }

  /// What each further model's loss is more than the first one's, paired; nil of one model.
  public var differenceTable: Table? {
    guard entries.count > 1 else { return nil }
    var table = Table(
      title: "Loss less that of \(entries[0].name)",
      columns: [
        .init("checkpoint", title: "checkpoint", kind: .text), .init("by", title: "by", kind: .text),
        .init("nats", title: "nats", kind: .estimate(.significant(3))),
        .init("perplexity_ratio", title: "perplexity ratio", kind: .estimate(.significant(4))),
      ],
      notes: [
        "Paired: both models on the same \(isOverDocuments ? "documents" : "stretches"). Below 0 is better than \(entries[0].name)."
      ])
    for index in entries.indices.dropFirst() {
      for (place, unit) in units.enumerated() {
        let difference = resampling.difference(column(index, place), column(0, place))
        table.append([
          .text(entries[index].name), .text(unit.rawValue), .estimate(difference),
          .estimate(difference.mapped(Double.exp)),
        ])
      }
    }
    return table
  }

  /// A row for each model and sample of the intervals.
  public var sampleTable: Table {
    var table = Table(
      title: "Loss on \(text.name) by \(isOverDocuments ? "document" : "stretch")",
      columns: [
        .init("checkpoint", title: "checkpoint", kind: .text),
        .init("sample", title: "sample", kind: .integer),
        .init("start", title: "first token", kind: .integer),
        .init("tokens", title: "tokens", kind: .integer),
        .init("words", title: "words", kind: .number(.significant(6)), audience: .unlessEmpty),
        .init("bytes", title: "bytes", kind: .number(.significant(6)), audience: .unlessEmpty),
        .init("nats", title: "nats in all", kind: .number(.significant(6))),
      ])
    for entry in entries {
      for (index, sample) in samples.enumerated() {
        table.append([
          .text(entry.name), .integer(index), .integer(sample.range.lowerBound), .integer(sample.range.count),
          sample.words.map { .number($0) } ?? .missing, sample.bytes.map { .number($0) } ?? .missing,
          .number(entry.losses.losses[sample.range].reduce(0, +)),
        ])
      }
    }
    return table
  }

  /// A row for each token: what it is, how many tokens were seen before it, and each model's loss.
  public var tokenTable: Table {
    var table = Table(
      title: "Loss on \(text.name) by token",
      columns: [
        .init("position", title: "position", kind: .integer), .init("token", title: "token", kind: .integer),
        .init("context", title: "context", kind: .integer),
      ]
        + entries.map { .init($0.name, title: $0.name, kind: .number(.significant(6))) })
    for position in text.tokens.indices {
      table.append(
        [
          .integer(position), .integer(Int(text.tokens[position])),
          .integer(Int(entries[0].losses.contexts[position])),
        ]
          + entries.map {
            $0.losses.contexts[position] > 0 ? .number($0.losses.losses[position]) : .missing
          })
    }
    return table
  }

  // MARK: - Words

  private var isOverDocuments: Bool { samples.count == text.documents.count }

  var windowsText: String {
    let windows = question.windows
    return windows.areBlocks
      ? "blocks of \(windows.context)" : "windows of \(windows.context), stride \(windows.stride)"
  }

  var notes: [String] {
    var notes = [intervalNote]
    if question.startToken == nil {
      notes.append(
        question.separatesDocuments
          ? "The first token of each document is not asked for, having nothing before it."
          : "The first token is not asked for, having nothing before it.")
    }
    if units.contains(.word) {
      notes.append(
        "Words as WikiText counts them: between white space, and one end a line. By word and byte, the loss of all tokens is divided by "
          + "the words and bytes of the text.")
    }
    if let entropyRate {
      let rate = NumberText.significant(entropyRate, digits: 4)
      notes.append("No model can go below the language's entropy rate of \(rate) nats a token.")
    }
    return notes
  }
}
