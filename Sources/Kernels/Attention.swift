import RunData

/// The shape of one attention.
public struct AttentionShape: Equatable, Sendable {
  /// Sequences in a batch.
  public let batchSize: Int
  /// Positions of each sequence.
  public let sequenceLength: Int
  /// Attention heads.
  public let headCount: Int
  /// Width of a head.
  public let headDim: Int
  /// Whether a position sees only itself and earlier ones.
  public let isCausal: Bool

  /// Creates a shape.
  public init(batchSize: Int, sequenceLength: Int, headCount: Int, headDim: Int, isCausal: Bool) {
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
    self.headCount = headCount
    self.headDim = headDim
    self.isCausal = isCausal
  }

  /// Queries that are worked on at a time: scores never exist for more of them.
  static let queryBlock = 64

  /// Scalars of scratch that a thread needs.
  public var scratchCount: Int { 2 * min(Self.queryBlock, sequenceLength) * sequenceLength }

  var scoreScale: Double { 1 / Double(headDim).squareRoot() }

  /// The head's part of rows that hold all heads side by side.
  func part<Scalar>(_ matrix: Matrix<Scalar>, batch: Int, head: Int) -> Matrix<Scalar> {
    matrix.rows(batch * sequenceLength..<(batch + 1) * sequenceLength)
      .columns(head * headDim..<(head + 1) * headDim)
  }

  /// Calls `body` for each block of queries with the number of keys that the block sees.
  func forEachQueryBlock(_ body: (_ queries: Range<Int>, _ keyCount: Int) -> Void) {
    var start = 0
    while start < sequenceLength {
      let end = min(sequenceLength, start + Self.queryBlock)
      body(start..<end, isCausal ? end : sequenceLength)
      start = end
    }
  }

  func visibleKeys(_ query: Int) -> Int { isCausal ? query + 1 : sequenceLength }
}

/// `output = softmax(Q Kᵀ / sqrt(headDim)) V` for each head of each sequence.
///
/// - Parameters:
///   - query, key, value: `(B*T, heads * headDim)`, may be columns of one matrix.
///   - output: `(B*T, heads * headDim)`, the heads side by side, overwritten.
///   - logSumExp: `(B * heads * T)`, written here; all that ``attentionBackward`` needs to compute the probabilities again.
///   - dropout: drops probabilities where not nil.
///   - precision: what the logits `Q Kᵀ / sqrt(headDim)` and the probabilities are rounded to.
///   - logitSums: gets the sums of the logits that a query sees, one place for each head of each sequence, where not nil.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func attentionForward<Scalar: KernelScalar>(
  _ shape: AttentionShape, query: Matrix<Scalar>, key: Matrix<Scalar>, value: Matrix<Scalar>,
  into output: Matrix<Scalar>, logSumExp: Row<Scalar>, dropout: DropoutMask?, precision: Precision = .fp32,
  logitSums: SumSlots? = nil, team: Team, workspace: Workspace<Scalar>
) {
  precondition(workspace.capacity >= shape.scratchCount, "workspace too small for attention")
  team.forEach(taskCount: shape.batchSize * shape.headCount) { task, thread in
    let (batch, head) = (task / shape.headCount, task % shape.headCount)
    let q = shape.part(query, batch: batch, head: head)
    let k = shape.part(key, batch: batch, head: head)
    let v = shape.part(value, batch: batch, head: head)
    let out = shape.part(output, batch: batch, head: head)
    var sums = TensorSums.empty
    shape.forEachQueryBlock { queries, keyCount in
      let scores = workspace.row(thread: thread).slice(0..<queries.count * keyCount).matrix(width: keyCount)
      product(
        q.rows(queries).factor, k.rows(0..<keyCount).transposed, alpha: Scalar(shape.scoreScale), into: scores
      )
      for index in queries {
        let row = scores[index - queries.lowerBound]
        let visible = row.slice(0..<shape.visibleKeys(index))
        visible.round(to: precision)
        if logitSums != nil { sums = sums.merged(with: partialSums(visible)) }
        let maximum = visible.maximum
        let sum = visible.exponentiate(subtracting: maximum)
        logSumExp[task * shape.sequenceLength + index] = maximum + Scalar(Double.log(sum))
        let factor = Scalar(1 / sum)
        forEachLanes(of: Scalar.self, in: 0..<visible.count) {
          visible.store(visible.lanes($0, $1) * factor, $0, $1)
        }
        visible.round(to: precision)
        row.slice(visible.count..<keyCount).fill(0)
        dropout?.multiply(
          visible, firstElement: (task * shape.sequenceLength + index) * shape.sequenceLength, into: visible)
      }
      product(scores.factor, v.rows(0..<keyCount).factor, into: out.rows(queries))
    }
    logitSums?[task] = sums
  }
}

/// The gradients of ``attentionForward``.
///
/// With P the probabilities, computed again from `logSumExp`, and M the dropout mask (1 without): `dP = (dO Vᵀ) ∘ M`,
/// `dS = P ∘ (dP - Σ_keys P ∘ dP)`, `dQ = dS K / sqrt(headDim)`, `dK = dSᵀ Q / sqrt(headDim)`, `dV = (P ∘ M)ᵀ dO`.
/// The three gradients are overwritten.
///
/// - Parameters:
///   - precision: what the logits, P, dP and dS are rounded to, as in the forward pass.
///   - gradientSums: gets the sums of dS over the keys that a query sees, one place for each head of each sequence, where
///     not nil.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func attentionBackward<Scalar: KernelScalar>(
  _ shape: AttentionShape, outputGradient: Matrix<Scalar>, query: Matrix<Scalar>, key: Matrix<Scalar>,
  value: Matrix<Scalar>, logSumExp: Row<Scalar>, dropout: DropoutMask?, queryGradient: Matrix<Scalar>,
  keyGradient: Matrix<Scalar>, valueGradient: Matrix<Scalar>, precision: Precision = .fp32,
  gradientSums: SumSlots? = nil, team: Team, workspace: Workspace<Scalar>
) {
  precondition(workspace.capacity >= shape.scratchCount, "workspace too small for attention")
  let scale = Scalar(shape.scoreScale)
  team.forEach(taskCount: shape.batchSize * shape.headCount) { task, thread in
    let (batch, head) = (task / shape.headCount, task % shape.headCount)
    let q = shape.part(query, batch: batch, head: head)
    let k = shape.part(key, batch: batch, head: head)
    let v = shape.part(value, batch: batch, head: head)
    let dO = shape.part(outputGradient, batch: batch, head: head)
    let dQ = shape.part(queryGradient, batch: batch, head: head)
    let dK = shape.part(keyGradient, batch: batch, head: head)
    let dV = shape.part(valueGradient, batch: batch, head: head)
    for row in 0..<shape.sequenceLength {
      dK[row].fill(0)
      dV[row].fill(0)
    }
    var sums = TensorSums.empty
    shape.forEachQueryBlock { queries, keyCount in
      let scratch = workspace.row(thread: thread)
      let size = queries.count * keyCount
      let probabilities = scratch.slice(0..<size).matrix(width: keyCount)
      let dS = scratch.slice(size..<2 * size).matrix(width: keyCount)
      let keys = 0..<keyCount
      product(q.rows(queries).factor, k.rows(keys).transposed, alpha: scale, into: probabilities)
      product(dO.rows(queries).factor, v.rows(keys).transposed, into: dS)
      for index in queries {
        let offset = logSumExp[task * shape.sequenceLength + index]
        let first = (task * shape.sequenceLength + index) * shape.sequenceLength
        let gradient = dS[index - queries.lowerBound]
        let visibleCount = shape.visibleKeys(index)
        softmaxBackward(
          scores: probabilities[index - queries.lowerBound], gradient: gradient, visibleCount: visibleCount,
          logSumExp: offset, dropout: dropout, firstElement: first, precision: precision)
        if gradientSums != nil {
          sums = sums.merged(with: partialSums(gradient.slice(0..<visibleCount)))
        }
      }
      product(dS.factor, k.rows(keys).factor, alpha: scale, into: dQ.rows(queries))
      product(dS.transposed, q.rows(queries).factor, alpha: scale, beta: 1, into: dK.rows(keys))
      product(probabilities.transposed, dO.rows(queries).factor, beta: 1, into: dV.rows(keys))
    }
    gradientSums?[task] = sums
  }
}

/// One query's part of ``attentionBackward``: scores become P ∘ M, and the gradient dO Vᵀ becomes dS, both 0 at keys that the
/// query does not see.
@inline(__always)
private func softmaxBackward<Scalar: KernelScalar>(
  scores: Row<Scalar>, gradient: Row<Scalar>, visibleCount: Int, logSumExp: Scalar, dropout: DropoutMask?,
  firstElement: Int, precision: Precision
) {
  let probabilities = scores.slice(0..<visibleCount)
  let dS = gradient.slice(0..<visibleCount)
  probabilities.round(to: precision)
  dS.round(to: precision)
  dropout?.multiply(dS, firstElement: firstElement, into: dS)
  let laneCount = Row<Scalar>.laneCount
  var sum = Scalar.Lanes()
  forEachLanes(of: Scalar.self, in: 0..<visibleCount) { index, count in
    var probability = Scalar.rounded(
      Scalar.exp(probabilities.lanes(index, count) - logSumExp), to: precision)
    // Padding lanes hold exp(-logSumExp): infinite where all scores lie far below 0, and then no number times the gradient.
    if count < laneCount { for lane in count..<laneCount { probability[lane] = 0 } }
    probabilities.store(probability, index, count)
    sum += probability * dS.lanes(index, count)
  }
  let mean = sum.sum()
  forEachLanes(of: Scalar.self, in: 0..<visibleCount) { index, count in
    dS.store((dS.lanes(index, count) - mean) * probabilities.lanes(index, count), index, count)
  }
  dS.round(to: precision)
  dropout?.multiply(probabilities, firstElement: firstElement, into: probabilities)
  scores.slice(visibleCount..<scores.count).fill(0)
  gradient.slice(visibleCount..<gradient.count).fill(0)
}
