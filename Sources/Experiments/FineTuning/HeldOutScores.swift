import Architecture
import Checkpoints
import FineTuning
import Kernels
import Transformer

extension FineTuningRequest {
  /// What a checkpoint that was fine-tuned already says of the held-out examples.
  ///
  /// - Throws: ``ExperimentError`` where it has no head for the task.
  package func heldOutScores(team: Team) throws -> HeldOutReport.Entry {
    let task = task.data.task
    var model = checkpoint.configuration(objective: checkpoint.checkpoint.statedObjective ?? .causal)
    guard let head = model.sequenceHead else {
      throw ExperimentError.failed(
        "\(name) has no head that judges sequences (\(SequenceHead.projection).weight is missing): it was not fine-tuned; leave \(setting: "no-train") out to do that"
      )
    }
    guard head == task.head else {
      throw ExperimentError.failed(
        "\(name) has a head with \(outputs(head)), but \(task.title) asks for \(outputs(task.head)): it was fine-tuned on another task"
      )
    }
    (model.dropout, model.attentionDropout) = (0, 0)
    let goal = goal(seed: 0)
    let shape = self.task.sequences.passShape(batchSize: settings.batch)
    let trained = try Model<Float>(model, shape: shape, hasBackward: false, team: team)
    try checkpoint.checkpoint.load(into: trained)
    guard let record = try goal.validate(trained, updates: 0) else {
      throw ExperimentError.failed("\(name): \(task.title) has no held-out examples")
    }
    return HeldOutReport.Entry(
      checkpoint: name, task: task, record: record, exampleCount: self.task.sequences.heldOut[0].count)
  }

  private func outputs(_ head: SequenceHead) -> String {
    switch head.target {
    case .classes(let count): "\(count) classes"
    case .score: "a score"
    }
  }
}
