/// What a trainer knows between two steps beside weights and optimizer.
public struct TrainerState: Codable, Equatable, Sendable {
  /// Of dynamic loss scaling; nil without.
  var lossScale: LossScaler.State?
  /// Of the rules that may end the run.
  var watch: FailureWatch.State
}

extension Trainer {
  /// What a run that goes on has to take over beside weights and moments.
  public var state: TrainerState {
    get { TrainerState(lossScale: scaler?.state, watch: watch.state) }
    set {
      if let lossScale = newValue.lossScale { scaler?.state = lossScale }
      watch.state = newValue.watch
    }
  }

  /// Back to where nothing was trained: no moments, no updates, the first loss scale.
  public func reset() {
    optimizer.reset()
    scaler = configuration.lossScaling.map(LossScaler.init)
    watch = FailureWatch(configuration.failure)
  }
}
