import Architecture
import Kernels

/// What a head that judges sequences works on: a row for each sequence of a pass.
struct SequenceHeadMemory<Scalar: KernelScalar>: Sendable {
  /// Hidden states of the rows that are read; their gradients.
  private let chosen: Buffer<Scalar>
  /// tanh of the hidden units, its slopes, and its gradient.
  private let inner: Buffer<Scalar>
  private let outputs: Buffer<Scalar>
  /// The numbers that outputs should be.
  let scores: Buffer<Scalar>
  private let modelDim: Int
  private let outputCount: Int
  private let rows: Int

  /// - Parameter rows: sequences of a pass, at most.
  init(_ head: SequenceHead, modelDim: Int, rows: Int) {
    (self.modelDim, self.rows, outputCount) = (modelDim, rows, head.outputCount)
    chosen = Buffer(count: 2 * rows * modelDim)
    inner = Buffer(count: 3 * rows * modelDim)
    outputs = Buffer(count: rows * head.outputCount)
    scores = Buffer(count: rows)
  }

  private func part(_ buffer: Buffer<Scalar>, _ place: Int, _ count: Int) -> Matrix<Scalar> {
    buffer.matrix(offset: place * rows * modelDim, rows: count, width: modelDim)
  }

  func chosen(_ count: Int) -> Matrix<Scalar> { part(chosen, 0, count) }
  func chosenGradient(_ count: Int) -> Matrix<Scalar> { part(chosen, 1, count) }
  func inner(_ count: Int) -> Matrix<Scalar> { part(inner, 0, count) }
  func slopes(_ count: Int) -> Matrix<Scalar> { part(inner, 1, count) }
  func innerGradient(_ count: Int) -> Matrix<Scalar> { part(inner, 2, count) }
  func outputs(_ count: Int) -> Matrix<Scalar> { outputs.matrix(rows: count, width: outputCount) }
}
