import RunData

/// A task of GLUE (Wang et al. 2019, arXiv 1804.07461), in the layout of its public files.
public enum GlueTask: String, CaseIterable, Sendable {
  case cola, sst2 = "sst-2", mrpc, qqp, stsb = "sts-b", mnli, qnli, rte

  /// What stands in front of the name on a command line and in files.
  static let suite = "glue/"

  /// Reads `glue/sst-2`.
  public init?(argument: String) {
    guard argument.hasPrefix(Self.suite) else { return nil }
    self.init(rawValue: String(argument.dropFirst(Self.suite.count)))
  }

  /// `glue/sst-2`.
  public var argument: String { Self.suite + rawValue }

  /// Its authors' spelling, also the name of its folder.
  public var title: String {
    switch self {
    case .cola: "CoLA"
    case .sst2: "SST-2"
    case .mrpc: "MRPC"
    case .qqp: "QQP"
    case .stsb: "STS-B"
    case .mnli: "MNLI"
    case .qnli: "QNLI"
    case .rte: "RTE"
    }
  }

  /// How the classes are written in the files, in the order of their numbers; nil where a number from 0 to 5 is asked for.
  var classes: [String]? {
    switch self {
    case .cola, .sst2, .mrpc, .qqp: ["0", "1"]
    case .stsb: nil
    case .mnli: ["contradiction", "entailment", "neutral"]
    case .qnli, .rte: ["entailment", "not_entailment"]
    }
  }

  /// The greatest similarity of STS-B; the least is 0.
  static let greatestScore = 5.0

  /// Columns of the sentences, by the names in the header.
  var sentenceColumns: [String] {
    switch self {
    case .cola, .sst2: ["sentence"]
    case .mrpc: ["#1 String", "#2 String"]
    case .qqp: ["question1", "question2"]
    case .stsb, .mnli, .rte: ["sentence1", "sentence2"]
    case .qnli: ["question", "sentence"]
    }
  }

  /// The column of the label.
  var labelColumn: String {
    switch self {
    case .cola, .sst2, .qnli, .rte: "label"
    case .mrpc: "Quality"
    case .qqp: "is_duplicate"
    case .stsb: "score"
    case .mnli: "gold_label"
    }
  }

  /// What the columns of files without a header are, as CoLA's for training and development have none.
  var columnsWithoutHeader: [String]? { self == .cola ? ["source", "label", "mark", "sentence"] : nil }

  /// A file's name in the task's folder without its ending.
  public func fileName(_ split: GlueSplit) -> String {
    switch split {
    case .train: "train"
    case .development: self == .mnli ? "dev_matched" : "dev"
    case .mismatched: "dev_mismatched"
    }
  }

  /// Splits that are held out.
  public var heldOut: [GlueSplit] { self == .mnli ? [.development, .mismatched] : [.development] }

  /// How answers are judged, in the order of ``TaskMetric``'s cases: as GLUE does, and accuracy wherever there are classes.
  public var metrics: [TaskMetric] {
    switch self {
    case .cola: [.accuracy, .matthews]
    case .mrpc, .qqp: [.accuracy, .f1]
    case .stsb: [.pearson, .spearman]
    case .mnli: [.accuracy, .mismatchedAccuracy]
    case .sst2, .qnli, .rte: [.accuracy]
    }
  }

  /// The one number that stands for the task, by a choice of what numbers these are.
  public func mainMetric(_ choice: MetricChoice) -> TaskMetric {
    switch (self, choice) {
    case (.cola, .glue): .matthews
    case (.stsb, _): .pearson
    default: .accuracy
    }
  }
}

/// A part of a task's examples.
public enum GlueSplit: Sendable {
  /// What is learned from.
  case train
  /// What is held out; of MNLI the genres that are trained on, too.
  case development
  /// MNLI's other genres.
  case mismatched
}

/// Which number stands for a task.
public enum MetricChoice: String, CaseIterable, Sendable {
  /// RoBERTa's (Liu et al. 2019, section 5.1): Matthews' correlation of CoLA, Pearson's of STS-B, accuracy of the others.
  case glue
  /// Accuracy wherever there are classes, as NormFormer's Table 3 says it.
  case accuracy
}
