import Architecture
import RealModule
import RunData

/// `output = softmax(cap(scale Q Kᵀ)) V` for each head of each sequence, over the keys that a query sees.
///
/// - Parameters:
///   - query: `(B*T, heads * headDim)`, may be columns of one matrix, as `key` and `value` may.
///   - key, value: `(B*T, keyValueHeads * headDim)`.
///   - output: `(B*T, heads * headDim)`, the heads side by side, overwritten.
///   - factors: what the factors of the products are made of: `Scalar` itself, or its halves.
///   - logSumExp: `(B * heads * T)`, written here; all that ``attentionBackward`` needs to compute the probabilities again.
///   - dropout: drops probabilities where not nil.
///   - precision: what the logits `scale Q Kᵀ` and the probabilities are rounded to.
///   - logitSums: gets the sums of the logits that a query sees, before the cap, one place for each head of each sequence,
///     where not nil.
///   - statistics: gets what the probabilities, before dropout, and the logits tell, likewise.
@specialized(where Scalar == Float, Element == Float)
@specialized(where Scalar == Float, Element == BFloat16)
@specialized(where Scalar == Double, Element == Double)
public func attentionForward<Scalar: KernelScalar, Element: FactorScalar>(
  _ shape: AttentionShape, factors _: Element.Type, query: Matrix<Scalar>, key: Matrix<Scalar>,
  value: Matrix<Scalar>, into output: Matrix<Scalar>, logSumExp: Row<Scalar>, dropout: DropoutMask?,
  precision: Precision = .fp32,
  logitSums: SumSlots? = nil, statistics: AttentionSlots? = nil, team: Team, workspace: Workspace<Scalar>
) where Element.Sum == Scalar {
  precondition(
    workspace.capacity >= shape.scratchCount(of: Element.self), "workspace too small for attention")
  team.forEach(taskCount: shape.batchSize * shape.headCount) { task, thread in
    let (batch, head) = (task / shape.headCount, task % shape.headCount)
    let sequence = shape.sequence(batch)
    let firstSum = shape.rows(batch: batch).lowerBound * shape.headCount + head * sequence.sequenceLength
    let heads = HeadPlaces<Element>(shape, batch: batch, workspace.row(thread: thread))
    let q = heads.place(0, query, head: head, uses: .queries)
    let k = heads.place(1, key, head: head / shape.groupSize, uses: .scores)
    let v = heads.place(2, value, head: head / shape.groupSize, uses: .sums)
    let out = shape.part(output, batch: batch, head: head)
    var sums = OutputSums.empty
    var attention = AttentionSums.empty
    sequence.forEachQueryBlock { block in
      let scores = AttentionScratch(workspace.row(thread: thread), block).scores
      k.scores(of: q, alpha: Scalar(shape.scoreScale), into: scores, block: block)
      for index in block.queries {
        let row = scores[index - block.queries.lowerBound]
        let seen = block.columns(seenBy: index - block.queries.lowerBound)
        let visible = row.slice(seen)
        visible.round(to: precision)
        if logitSums != nil { sums = sums.merged(with: partialOutputSums(visible)) }
        let uncapped = statistics == nil ? 0 : visible.maximum
        if let cap = shape.softCap { capForward(visible, at: Scalar(cap)) }
        row.fill(-.infinity, beside: seen)
        let vectors = row.slice(wholeVectors(around: seen, Scalar.self))
        let maximum = vectors.maximum
        let moments = statistics == nil ? nil : LogitMoments(visible, maximum: maximum)
        let sum = vectors.exponentiate(subtracting: maximum)
        logSumExp[firstSum + index] = maximum + Scalar(Double.log(sum))
        if let moments, visible.count > 1 {
          let seesFirst = block.keys.lowerBound + seen.lowerBound == 0
          attention = attention.merged(
            with: AttentionSums(
              queries: 1, entropy: moments.entropy(sum: sum), firstQueries: seesFirst ? 1 : 0,
              firstShare: seesFirst ? Double(visible[0]) / sum : 0, maxLogit: Double(uncapped)))
        }
        let factor = Scalar(1 / sum)
        forEachLanes(of: Scalar.self, in: 0..<vectors.count) {
          vectors.store(vectors.lanes($0, $1) * factor, $0, $1)
        }
        visible.round(to: precision)
        row.zero(outside: wholeVectors(around: seen, Scalar.self))
        dropout?.multiply(
          visible, firstElement: shape.firstElement(task, index), into: visible)
        if dropout != nil { visible.round(to: precision) }
      }
      v.weightedSum(
        Element.factorInPlace(of: scores), alpha: 1, into: out.rows(block.queries), block: block)
    }
    logitSums?.set(sums, at: task)
    statistics?[task] = attention
  }
}

/// The gradients of ``attentionForward``.
///
/// With P the probabilities, computed again from `logSumExp`, and M the dropout mask (1 without): `dP = (dO Vᵀ) ∘ M`,
/// `dS = P ∘ (dP - Σ_keys P ∘ dP) ∘ cap'(S)`, `dQ = scale dS K`, and, summed over the heads of queries that share them,
/// `dK = scale dSᵀ Q`, `dV = (P ∘ M)ᵀ dO`. The three gradients are overwritten.
///
/// - Parameters:
///   - precision: what the logits, P, dP and dS are rounded to, as in the forward pass.
///   - gradientSums: gets the sums of dS over the keys that a query sees, one place for each head of each sequence, where
///     not nil.
@specialized(where Scalar == Float, Element == Float)
@specialized(where Scalar == Float, Element == BFloat16)
@specialized(where Scalar == Double, Element == Double)
public func attentionBackward<Scalar: KernelScalar, Element: FactorScalar>(
  _ shape: AttentionShape, factors _: Element.Type, outputGradient: Matrix<Scalar>, query: Matrix<Scalar>,
  key: Matrix<Scalar>, value: Matrix<Scalar>, logSumExp: Row<Scalar>, dropout: DropoutMask?,
  queryGradient: Matrix<Scalar>,
  keyGradient: Matrix<Scalar>, valueGradient: Matrix<Scalar>, precision: Precision = .fp32,
  gradientSums: SumSlots? = nil, team: Team, workspace: Workspace<Scalar>
) where Element.Sum == Scalar {
  precondition(
    workspace.capacity >= shape.scratchCount(of: Element.self), "workspace too small for attention")
  precondition(shape.hasNoPrefix, "gradients of rows that several sequences share")
  let scale = Scalar(shape.scoreScale)
  // A head of keys and its queries belong to one thread: gradients of shared keys are added up in one order.
  team.forEach(taskCount: shape.batchSize * shape.keyValueHeadCount) { task, thread in
    let (batch, keyHead) = (task / shape.keyValueHeadCount, task % shape.keyValueHeadCount)
    let sequence = shape.sequence(batch)
    let heads = HeadPlaces<Element>(shape, batch: batch, workspace.row(thread: thread))
    let k = heads.place(0, key, head: keyHead, uses: [.scores, .sums])
    let v = heads.place(1, value, head: keyHead, uses: .scores)
    let dK = shape.part(keyGradient, batch: batch, head: keyHead)
    let dV = shape.part(valueGradient, batch: batch, head: keyHead)
    for row in 0..<sequence.sequenceLength {
      dK[row].fill(0)
      dV[row].fill(0)
    }
    for head in keyHead * shape.groupSize..<(keyHead + 1) * shape.groupSize {
      let q = heads.place(2, query, head: head, uses: .queries)
      let dO = heads.place(3, outputGradient, head: head, uses: .queries)
      let dQ = shape.part(queryGradient, batch: batch, head: head)
      let task = batch * shape.headCount + head
      let firstSum = shape.rows(batch: batch).lowerBound * shape.headCount + head * sequence.sequenceLength
      var sums = TensorSums.empty
      sequence.forEachQueryBlock { block in
        let scratch = AttentionScratch(workspace.row(thread: thread), block)
        let (scores, dS) = (scratch.scores, scratch.gradients)
        k.scores(of: q, alpha: scale, into: scores, block: block)
        v.scores(of: dO, alpha: 1, into: dS, block: block)
        for index in block.queries {
          let row = index - block.queries.lowerBound
          let seen = block.columns(seenBy: row)
          let slopes = shape.softCap.map { cap in
            let (logits, slopes) = (scores[row].slice(seen), scratch.slopes[row])
            logits.round(to: precision)
            capForward(logits, at: Scalar(cap), slopes: slopes.slice(seen))
            return slopes
          }
          softmaxBackward(
            scores: scores[row], gradient: dS[row], seen: seen, logSumExp: logSumExp[firstSum + index],
            slopes: slopes, dropout: dropout, firstElement: shape.firstElement(task, index),
            precision: precision)
          if gradientSums != nil { sums = sums.merged(with: partialSums(dS[row].slice(seen))) }
        }
        let gradients = Element.factorInPlace(of: dS)
        k.weightedSum(gradients, alpha: scale, into: dQ.rows(block.queries), block: block)
        q.addToKeys(gradients, alpha: scale, into: dK.rows(block.keys), block: block)
        let probabilities = Element.factorInPlace(of: scores)
        dO.addToKeys(probabilities, alpha: 1, into: dV.rows(block.keys), block: block)
      }
      gradientSums?[task] = sums
    }
  }
}

/// Where a thread's scratch holds the heads of one sequence.
private struct HeadPlaces<Element: FactorScalar> {
  private let shape: AttentionShape
  private let batch: Int
  private let row: Row<Element.Sum>
  private let count: Int

  init(_ shape: AttentionShape, batch: Int, _ row: Row<Element.Sum>) {
    (self.shape, self.batch) = (shape, batch)
    self.row = row.slice(shape.scoreScratchCount..<row.count)
    count = Element.Head.scratchCount(rows: shape.sequenceLength, width: shape.headDim)
  }

  /// A head of queries, keys, values or gradients, in one of the places; keys and values begin with those of the sequence's prefix.
  func place(_ place: Int, _ matrix: Matrix<Element.Sum>, head: Int, uses: HeadUses) -> Element.Head {
    let prefix = shape.prefix(batch: batch)
    let hasPrefix = !prefix.isEmpty && !uses.contains(.queries)
    return Element.Head(
      prefix: hasPrefix ? shape.part(matrix, rows: prefix, head: head) : nil,
      rows: shape.part(matrix, batch: batch, head: head), uses: uses,
      scratch: row.slice(place * count..<(place + 1) * count))
  }
}

/// What a thread's scratch holds of a block, a row for each query.
private struct AttentionScratch<Scalar: KernelScalar> {
  private let row: Row<Scalar>
  private let block: QueryBlock

  init(_ row: Row<Scalar>, _ block: QueryBlock) { (self.row, self.block) = (row, block) }

  private func matrix(_ index: Int) -> Matrix<Scalar> {
    let size = block.queries.count * block.scoreStride
    return row.slice(index * size..<(index + 1) * size).matrix(width: block.scoreStride)
      .columns(0..<block.scoreWidth)
  }

  var scores: Matrix<Scalar> { matrix(0) }
  var gradients: Matrix<Scalar> { matrix(1) }
  /// cap' of each logit, where the attention has a soft cap.
  var slopes: Matrix<Scalar> { matrix(2) }
}
