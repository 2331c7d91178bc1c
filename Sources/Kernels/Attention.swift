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
    let heads = HeadFactors<Element>(shape, workspace.row(thread: thread))
    let q = heads.factor(0, of: shape.part(query, batch: batch, head: head))
    let k = heads.keys(1, of: key, batch: batch, head: head / shape.groupSize)
    let v = heads.keys(2, of: value, batch: batch, head: head / shape.groupSize)
    let out = shape.part(output, batch: batch, head: head)
    var sums = OutputSums.empty
    var attention = AttentionSums.empty
    sequence.forEachQueryBlock { queries, keys in
      let scores = workspace.row(thread: thread).slice(0..<queries.count * keys.count)
        .matrix(width: keys.count)
      k.forEachPart(of: keys) { part, columns in
        product(
          q.rows(queries).factor, part.transposed, alpha: Scalar(shape.scoreScale),
          into: scores.columns(columns))
      }
      for index in queries {
        let row = scores[index - queries.lowerBound]
        let (visible, hidden) = row.split(sequence.visibleKeys(index), of: keys)
        visible.round(to: precision)
        if logitSums != nil { sums = sums.merged(with: partialOutputSums(visible)) }
        let uncapped = statistics == nil ? 0 : visible.maximum
        if let cap = shape.softCap { capForward(visible, at: Scalar(cap)) }
        let maximum = visible.maximum
        let moments = statistics == nil ? nil : LogitMoments(visible, maximum: maximum)
        let sum = visible.exponentiate(subtracting: maximum)
        logSumExp[firstSum + index] = maximum + Scalar(Double.log(sum))
        if let moments, visible.count > 1 {
          let seesFirst = sequence.visibleKeys(index).lowerBound == 0
          attention = attention.merged(
            with: AttentionSums(
              queries: 1, entropy: moments.entropy(sum: sum), firstQueries: seesFirst ? 1 : 0,
              firstShare: seesFirst ? Double(visible[0]) / sum : 0, maxLogit: Double(uncapped)))
        }
        let factor = Scalar(1 / sum)
        forEachLanes(of: Scalar.self, in: 0..<visible.count) {
          visible.store(visible.lanes($0, $1) * factor, $0, $1)
        }
        visible.round(to: precision)
        for part in [hidden.before, hidden.after] { part.fill(0) }
        dropout?.multiply(
          visible, firstElement: shape.firstElement(task, index), into: visible)
        if dropout != nil { visible.round(to: precision) }
      }
      let probabilities = Element.factorInPlace(of: scores)
      v.forEachPart(of: keys) { part, columns in
        product(
          probabilities.columns(columns).factor, part.factor, beta: columns.lowerBound == 0 ? 0 : 1,
          into: out.rows(queries))
      }
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
    let heads = HeadFactors<Element>(shape, workspace.row(thread: thread))
    let k = heads.factor(0, of: shape.part(key, batch: batch, head: keyHead))
    let v = heads.factor(1, of: shape.part(value, batch: batch, head: keyHead))
    let dK = shape.part(keyGradient, batch: batch, head: keyHead)
    let dV = shape.part(valueGradient, batch: batch, head: keyHead)
    for row in 0..<sequence.sequenceLength {
      dK[row].fill(0)
      dV[row].fill(0)
    }
    for head in keyHead * shape.groupSize..<(keyHead + 1) * shape.groupSize {
      let q = heads.factor(2, of: shape.part(query, batch: batch, head: head))
      let dO = heads.factor(3, of: shape.part(outputGradient, batch: batch, head: head))
      let dQ = shape.part(queryGradient, batch: batch, head: head)
      let task = batch * shape.headCount + head
      let firstSum = shape.rows(batch: batch).lowerBound * shape.headCount + head * sequence.sequenceLength
      var sums = TensorSums.empty
      sequence.forEachQueryBlock { queries, keys in
        let scratch = AttentionScratch(
          workspace.row(thread: thread), queries: queries.count, keys: keys.count)
        let (probabilities, dS) = (scratch.scores, scratch.gradients)
        product(q.rows(queries).factor, k.rows(keys).transposed, alpha: scale, into: probabilities)
        product(dO.rows(queries).factor, v.rows(keys).transposed, into: dS)
        for index in queries {
          let row = index - queries.lowerBound
          let visible = sequence.visibleKeys(index)
          let slopes = shape.softCap.map { cap in
            let slopes = scratch.slopes[row].slice(0..<visible.count)
            let logits = probabilities[row].split(visible, of: keys).part
            logits.round(to: precision)
            capForward(logits, at: Scalar(cap), slopes: slopes)
            return slopes
          }
          softmaxBackward(
            scores: probabilities[row], gradient: dS[row], visible: visible, keys: keys,
            logSumExp: logSumExp[firstSum + index], slopes: slopes, dropout: dropout,
            firstElement: shape.firstElement(task, index), precision: precision)
          if gradientSums != nil {
            sums = sums.merged(with: partialSums(dS[row].split(visible, of: keys).part))
          }
        }
        let gradients = Element.factorInPlace(of: dS)
        product(gradients.factor, k.rows(keys).factor, alpha: scale, into: dQ.rows(queries))
        product(gradients.transposed, q.rows(queries).factor, alpha: scale, beta: 1, into: dK.rows(keys))
        product(
          Element.factorInPlace(of: probabilities).transposed, dO.rows(queries).factor, beta: 1,
          into: dV.rows(keys))
      }
      gradientSums?[task] = sums
    }
  }
}

/// Where a thread's scratch holds the heads that products read, where they do not read them as they lie.
private struct HeadFactors<Element: FactorScalar> {
  private let shape: AttentionShape
  private let row: Row<Element.Sum>
  private let count: Int

  init(_ shape: AttentionShape, _ row: Row<Element.Sum>) {
    self.shape = shape
    self.row = row.slice(shape.scratchCount..<row.count)
    count = Element.scratchCount(shape.sequenceLength * shape.headDim)
  }

  /// A head as a factor, in one of the places.
  func factor(_ place: Int, of head: Matrix<Element.Sum>) -> Matrix<Element> {
    Element.factor(of: head, scratch: row.slice(place * count..<(place + 1) * count))
  }

  /// A head of a sequence's keys or values, in a place and the one two behind it.
  func keys(_ place: Int, of matrix: Matrix<Element.Sum>, batch: Int, head: Int) -> SequenceKeys<Element> {
    SequenceKeys(
      prefix: factor(place + 2, of: shape.part(matrix, rows: shape.prefix(batch: batch), head: head)),
      own: factor(place, of: shape.part(matrix, batch: batch, head: head)))
  }
}

/// A sequence's keys, or its values: the rows of what stands before it, then its own.
private struct SequenceKeys<Element: FactorScalar> {
  let prefix: Matrix<Element>
  let own: Matrix<Element>

  /// Calls `body` for the rows that hold some of the keys, with their columns among these.
  @inline(__always)
  func forEachPart(of keys: Range<Int>, _ body: (_ rows: Matrix<Element>, _ columns: Range<Int>) -> Void) {
    let before = min(keys.lowerBound, prefix.rows)..<min(keys.upperBound, prefix.rows)
    if !before.isEmpty { body(prefix.rows(before), 0..<before.count) }
    let behind =
      max(keys.lowerBound, prefix.rows) - prefix.rows..<max(keys.upperBound, prefix.rows) - prefix.rows
    if !behind.isEmpty { body(own.rows(behind), before.count..<keys.count) }
  }
}

/// What a thread's scratch holds in the backward pass, `(queries, keys)` each.
private struct AttentionScratch<Scalar: KernelScalar> {
  private let row: Row<Scalar>
  private let queries: Int
  private let keys: Int

  init(_ row: Row<Scalar>, queries: Int, keys: Int) {
    self.row = row
    self.queries = queries
    self.keys = keys
  }

  private func matrix(_ index: Int) -> Matrix<Scalar> {
    let size = queries * keys
    return row.slice(index * size..<(index + 1) * size).matrix(width: keys)
  }

  var scores: Matrix<Scalar> { matrix(0) }
  var gradients: Matrix<Scalar> { matrix(1) }
  /// cap' of each logit, from the start of each row; there where the attention has a soft cap.
  var slopes: Matrix<Scalar> { matrix(2) }
}

extension Row where Scalar: KernelScalar {
  /// A row of `keys`, cut at the keys that a query sees.
  @inline(__always)
  func split(_ visible: Range<Int>, of keys: Range<Int>) -> (part: Row, hidden: (before: Row, after: Row)) {
    let (start, end) = (visible.lowerBound - keys.lowerBound, visible.upperBound - keys.lowerBound)
    return (slice(start..<end), (slice(0..<start), slice(end..<count)))
  }
}

/// `logit = c tanh(logit / c)` in place; `slopes` gets the derivative, `1 - tanh²`.
@inline(__always)
private func capForward<Scalar: KernelScalar>(
  _ logits: Row<Scalar>, at cap: Scalar, slopes: Row<Scalar>? = nil
) {
  forEachLanes(of: Scalar.self, in: 0..<logits.count) { index, count in
    let tangent = Scalar.tanh(logits.lanes(index, count) * (1 / cap))
    logits.store(tangent * cap, index, count)
    slopes?.store(1 - tangent * tangent, index, count)
  }
}

/// One query's part of ``attentionBackward``: scores become P ∘ M, and the gradient dO Vᵀ becomes dS, both 0 at keys that the
/// query does not see.
@inline(__always)
private func softmaxBackward<Scalar: KernelScalar>(
  scores: Row<Scalar>, gradient: Row<Scalar>, visible: Range<Int>, keys: Range<Int>, logSumExp: Scalar,
  slopes: Row<Scalar>?, dropout: DropoutMask?, firstElement: Int, precision: Precision
) {
  let (probabilities, hiddenScores) = scores.split(visible, of: keys)
  let (dS, hiddenGradients) = gradient.split(visible, of: keys)
  if slopes == nil { probabilities.round(to: precision) }
  dS.round(to: precision)
  dropout?.multiply(dS, firstElement: firstElement, into: dS)
  let laneCount = Row<Scalar>.laneCount
  var sum = Scalar.Lanes()
  forEachLanes(of: Scalar.self, in: 0..<visible.count) { index, count in
    var probability = Scalar.rounded(
      Scalar.exp(probabilities.lanes(index, count) - logSumExp), to: precision)
    // Padding lanes hold exp(-logSumExp): infinite where all scores lie far below 0, and then no number times the gradient.
    if count < laneCount { for lane in count..<laneCount { probability[lane] = 0 } }
    probabilities.store(probability, index, count)
    sum += probability * dS.lanes(index, count)
  }
  let mean = sum.sum()
  forEachLanes(of: Scalar.self, in: 0..<visible.count) { index, count in
    let product = (dS.lanes(index, count) - mean) * probabilities.lanes(index, count)
    dS.store(slopes.map { product * $0.lanes(index, count) } ?? product, index, count)
  }
  dS.round(to: precision)
  if let dropout {
    dropout.multiply(probabilities, firstElement: firstElement, into: probabilities)
    probabilities.round(to: precision)
  }
  for part in [
    hiddenScores.before, hiddenScores.after, hiddenGradients.before, hiddenGradients.after,
  ] { part.fill(0) }
}
