import Architecture
import RealModule

/// `logit = c tanh(logit / c)` in place; `slopes` gets the derivative, `1 - tanh²`.
@inline(__always)
func capForward<Scalar: KernelScalar>(
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
///
/// - Parameters:
///   - seen: the columns of the keys that the query sees.
///   - slopes: of the soft cap, in the same columns.
func softmaxBackward<Scalar: KernelScalar>(
  scores: Row<Scalar>, gradient: Row<Scalar>, seen: Range<Int>, logSumExp: Scalar, slopes: Row<Scalar>?,
  dropout: DropoutMask?, firstElement: Int, precision: Precision
) {
  let (visible, dS) = (scores.slice(seen), gradient.slice(seen))
  if slopes == nil { visible.round(to: precision) }
  dS.round(to: precision)
  dropout?.multiply(dS, firstElement: firstElement, into: dS)
  let vectors = wholeVectors(around: seen, Scalar.self)
  var sum = Scalar.Lanes()
  forEachVector(of: seen, Scalar.self) { index, lanes in
    let exponential = Scalar.rounded(Scalar.exp(scores.vector(index) - logSumExp), to: precision)
    // Keys that are not seen have any score, and any gradient.
    let probability = kept(exponential, lanes, else: Scalar.zero)
    let gradientLanes = kept(gradient.vector(index), lanes, else: Scalar.zero)
    scores.store(probability, index, Row<Scalar>.laneCount)
    gradient.store(gradientLanes, index, Row<Scalar>.laneCount)
    sum += probability * gradientLanes
  }
  let mean = sum.sum()
  forEachVector(of: seen, Scalar.self) { index, lanes in
    var product = (gradient.vector(index) - mean) * scores.vector(index)
    if let slopes { product = kept(product * slopes.vector(index), lanes, else: Scalar.zero) }
    gradient.store(product, index, Row<Scalar>.laneCount)
  }
  dS.round(to: precision)
  if let dropout {
    dropout.multiply(visible, firstElement: firstElement, into: visible)
    visible.round(to: precision)
  }
  scores.zero(outside: vectors)
  gradient.zero(outside: vectors)
}

/// The vectors that hold a range of columns.
@inline(__always)
func wholeVectors<Scalar: KernelScalar>(around columns: Range<Int>, _: Scalar.Type) -> Range<Int> {
  columns.lowerBound / Row<Scalar>.laneCount
    * Row<Scalar>.laneCount..<wholeLanes(columns.upperBound, of: Scalar.self)
}

/// Calls `body(index, lanes)` for each vector that holds some of a range of columns, with the lanes that do.
@inline(__always)
private func forEachVector<Scalar: KernelScalar>(
  of columns: Range<Int>, _: Scalar.Type, _ body: (_ index: Int, _ lanes: Range<Int>) -> Void
) {
  let laneCount = Row<Scalar>.laneCount
  let vectors = wholeVectors(around: columns, Scalar.self)
  var index = vectors.lowerBound
  while index < vectors.upperBound {
    body(index, max(0, columns.lowerBound - index)..<min(laneCount, columns.upperBound - index))
    index += laneCount
  }
}

/// A vector, `other` in the lanes beside those given.
@inline(__always)
private func kept<Scalar: KernelScalar>(
  _ x: Scalar.Lanes, _ lanes: Range<Int>, else other: Scalar
) -> Scalar.Lanes {
  lanes.count == Row<Scalar>.laneCount ? x : Scalar.keeping(x, in: lanes, else: other)
}

extension Row where Scalar: KernelScalar {
  /// The whole vector from `index` on.
  @inline(__always)
  fileprivate func vector(_ index: Int) -> Scalar.Lanes { lanes(index, Self.laneCount) }

  /// Overwrites what the vectors that hold a range of columns have beside it.
  @inline(__always)
  func fill(_ value: Scalar, beside columns: Range<Int>) {
    let vectors = wholeVectors(around: columns, Scalar.self)
    fill(value, beside: columns, inVectorAt: vectors.lowerBound)
    fill(value, beside: columns, inVectorAt: vectors.upperBound - Self.laneCount)
  }

  @inline(__always)
  private func fill(_ value: Scalar, beside columns: Range<Int>, inVectorAt index: Int) {
    let lanes = max(0, columns.lowerBound - index)..<min(Self.laneCount, columns.upperBound - index)
    store(kept(vector(index), lanes, else: value), index, Self.laneCount)
  }

  /// Zeros before and behind a range of whole vectors.
  @inline(__always)
  func zero(outside vectors: Range<Int>) {
    let zero = Scalar.Lanes()
    for index in stride(from: 0, to: vectors.lowerBound, by: Self.laneCount) {
      store(zero, index, Self.laneCount)
    }
    for index in stride(from: vectors.upperBound, to: count, by: Self.laneCount) {
      store(zero, index, Self.laneCount)
    }
  }
}
