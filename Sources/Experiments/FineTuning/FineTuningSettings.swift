/// How models are fine-tuned. The usual values are those of RoBERTa's GLUE runs (Liu et al. 2019, appendix, Table 10), which the paper takes over
/// but for the learning rates.
package struct FineTuningSettings: Equatable, Sendable {
  /// Times that all examples are gone through.
  package var epochs = 10
  /// Optimizer updates instead of epochs.
  package var steps: Int?
  /// Examples of a step.
  package var batch = 16
  /// Updates over which the learning rate rises to its peak, as a share of all; it then falls to 0 along a line.
  package var warmupShare = 0.06
  package var weightDecay = 0.1
  package var beta1 = 0.9
  package var beta2 = 0.98
  package var epsilon = 1e-6
  /// The largest L2 norm of the gradient; nil does not clip.
  package var clip: Double?
  /// Dropout of embeddings and branches.
  package var dropout = 0.1
  /// Dropout of attention probabilities.
  package var attentionDropout = 0.1
  /// Tokens that a model reads at most; nil for what it was made for, up to ``usualContext``.
  package var context: Int?
  /// What is recorded.
  package var recording = RecordingSettings()

  /// The most tokens that are read unless more are asked for.
  package static let usualContext = 512
  /// The paper's learning rates, section 3 ("Fine-Tuning").
  package static let paperRates = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 6e-3]
  /// The seeds over which RoBERTa takes its medians.
  package static let paperSeeds = 5

  package init() {}

  /// Refuses values that are out of range.
  package func validate() throws(ExperimentError) {
    for (name, value) in [
      ("epochs", epochs), ("steps", steps ?? 1), ("batch", batch), ("context", context ?? 1),
    ] where !(1...1 << 24).contains(value) {
      throw .refused("\(setting: name) must be between 1 and \(1 << 24), not \(value)")
    }
    for (name, value, isInside) in [
      ("warmup-share", warmupShare, warmupShare >= 0 && warmupShare <= 1),
      ("beta1", beta1, beta1 >= 0 && beta1 < 1), ("beta2", beta2, beta2 >= 0 && beta2 < 1),
      ("epsilon", epsilon, epsilon >= 0 && epsilon.isFinite),
      ("weight-decay", weightDecay, weightDecay >= 0 && weightDecay.isFinite),
      ("clip", clip ?? 1, (clip ?? 1) > 0), ("dropout", dropout, dropout >= 0 && dropout < 1),
      ("attention-dropout", attentionDropout, attentionDropout >= 0 && attentionDropout < 1),
    ] where !isInside {
      throw .refused("\(setting: name) \(value) is out of range")
    }
    try recording.validate()
  }
}
