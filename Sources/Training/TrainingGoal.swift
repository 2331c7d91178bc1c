import Kernels
import RunData
import Transformer

/// What a trainer makes smaller: the loss of a step's batch, and how it is held against what is not trained on.
///
/// Batches are a function of the step, so that a run that goes on sees what an uninterrupted one would have.
public protocol TrainingGoal<Scalar>: AnyObject {
  /// What the model computes in.
  associatedtype Scalar: KernelScalar

  /// What a step's sum of losses is divided by: tokens, or examples.
  func lossCount(step: Int) -> Int

  /// Leaves the gradient of `gradientScale * Σ loss` over the step's whole batch in the model's gradients.
  ///
  /// - Parameters:
  ///   - seed: of the dropout masks.
  ///   - measures: what looks on.
  /// - Returns: Σ loss.
  func computeGradients(
    of model: Model<Scalar>, step: Int, gradientScale: Double, seed: UInt64, measures: StepMeasures
  ) throws -> Double

  /// Sets initial values that await a pass over a batch; called where the model's table needs it.
  func profile(_ model: Model<Scalar>) throws

  /// The loss, and what else is asked, on what is not trained on; nil where there is nothing of the kind.
  func validate(_ model: Model<Scalar>, updates: Int) throws -> ValidationRecord?
}

/// What looks on while a step's gradients are computed.
public struct StepMeasures {
  /// Measures operations' outputs and their gradients where it is not nil.
  public var probe: ActivationProbe?
  /// Adds up the norms' gradients by sequence where it is not nil.
  public var examples: ExampleNorms?
  /// Times the parts of the step where it is not nil.
  public var clock: StepClock?
}
