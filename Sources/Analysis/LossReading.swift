import Charts
import RunData
import Text

/// The loss of a group of runs at the end of a window, read against its corpus's floors.
public struct LossReading: Equatable, Sendable {
  /// Mean over runs of the mean training loss over the window's last tenth, in the unit of its number contract.
  public let loss: Double
  /// Records of the first run that the mean runs over.
  public let recordCount: Int
  /// What a model reaches that has learned nothing but token frequencies; not a number where unknown, or where losses are in another unit.
  public let unigramEntropy: Double
  /// What no model can go below, where it is known.
  public let entropyRate: Double?
  /// Seeds of the runs whose loss is not below the unigram entropy.
  public let seedsNotLearning: [UInt64]
  /// Number of runs.
  public let runCount: Int

  /// Reads the losses of a group. The last tenth has at least ten records, or all that there are.
  public init(of group: RunGroup, window: StepWindow) {
    let corpus = group.manifest.corpus
    // Floors are in nats a token: what is in another unit is not read against them.
    let hasFloors = group.manifest.contract.isNatsPerToken
    let entropy = hasFloors ? corpus.unigramEntropy : .nan
    let tails = group.runs.map { run in
      let range = window.indices(in: run.steps)
      return run.loss[range].suffix(max(10, range.count / 10))
    }
    let means = tails.map { $0.isEmpty ? Double.nan : $0.reduce(0, +) / Double($0.count) }
    loss = means.reduce(0, +) / Double(means.count)
    recordCount = tails[0].count
    unigramEntropy = entropy
    entropyRate = hasFloors ? corpus.entropyRate : nil
    runCount = group.runs.count
    // Written so that a loss that is not a number has not passed; an unknown entropy and a window without records mark
    // nothing.
    seedsNotLearning = group.runs.indices.filter {
      !entropy.isNaN && !tails[$0].isEmpty && !(means[$0] < entropy)
    }.map { group.runs[$0].manifest.seed }
  }

  /// `not learning yet` where no run has passed the unigram entropy, with the count where only some have; nil where all have.
  public var mark: String? {
    if seedsNotLearning.isEmpty { return nil }
    let count = seedsNotLearning.count
    return "not learning yet" + (count == runCount ? "" : " (\(count) of \(runCount))")
  }
}

extension CorpusFacts {
  /// `unigram entropy 3.193, entropy rate 2.200`; empty where neither is known.
  var floors: String {
    let unigram =
      unigramEntropy.isNaN ? nil : "unigram entropy \(NumberText.fixed(unigramEntropy, decimals: 3))"
    let rate = entropyRate.map { "entropy rate \(NumberText.fixed($0, decimals: 3))" }
    return [unigram, rate].compactMap(\.self).joined(separator: ", ")
  }

  /// With the corpus's name before them, which a run recorded elsewhere need not have.
  var namedFloors: String {
    let known = floors.isEmpty ? NumberContract.unknown : floors
    return name == NumberContract.unknown && floors.isEmpty ? known : "\(name): \(known)"
  }
}
