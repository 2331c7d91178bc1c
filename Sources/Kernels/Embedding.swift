/// `output[r] = factor * table[tokens[r]] + positions[t]`, t the row's place in its sequence.
///
/// - Parameters:
///   - tokens: `(rows)`, ids below the table's rows.
///   - table: `(vocabularySize, width)`; positions: `(sequenceLength, width)`.
///   - places: t of each row; nil where the rows are a batch of sequences.
///   - output: `(rows, width)`, overwritten.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func embeddingForward<Scalar: KernelScalar>(
  tokens: Row<Int32>, table: Matrix<Scalar>, factor: Scalar, positions: Matrix<Scalar>,
  places: RowPositions? = nil, into output: Matrix<Scalar>, team: Team
) {
  precondition(tokens.count == output.rows)
  precondition(
    places?.fit(rows: output.rows, limit: positions.rows) ?? output.rows.isMultiple(of: positions.rows))
  team.split(output.rows, grain: rowGrain(output.width)) { rows, _ in
    for row in rows {
      let embedding = table[Int(tokens[row])]
      let position = positions[places?[row] ?? row % positions.rows]
      let y = output[row]
      forEachLanes(of: Scalar.self, in: 0..<output.width) { index, count in
        y.store(embedding.lanes(index, count) * factor + position.lanes(index, count), index, count)
      }
    }
  }
}

/// The gradient of ``embeddingForward``: `tableGradient[tokens[r]] += factor * outputGradient[r]`.
///
/// Threads take columns, so that equal tokens never meet and the order of additions never changes.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func embeddingBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, tokens: Row<Int32>, factor: Scalar,
  accumulatingInto tableGradient: Matrix<Scalar>, team: Team
) {
  precondition(tokens.count == outputGradient.rows && tableGradient.width == outputGradient.width)
  let laneCount = Row<Scalar>.laneCount
  team.split(outputGradient.width, grain: laneCount, multiple: laneCount) { columns, _ in
    for row in 0..<outputGradient.rows {
      let upstream = outputGradient[row]
      let gradient = tableGradient[Int(tokens[row])]
      forEachLanes(of: Scalar.self, in: columns) { index, count in
        gradient.store(
          gradient.lanes(index, count) + upstream.lanes(index, count) * factor, index, count)
      }
    }
  }
}

/// The gradient of the positions of ``embeddingForward``: `dP[t] += Σ dY[r]` over the rows with that place.
///
/// Threads take columns, so that the order of additions never changes.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func positionBackward<Scalar: KernelScalar>(
  outputGradient: Matrix<Scalar>, places: RowPositions? = nil,
  accumulatingInto positionGradient: Matrix<Scalar>, team: Team
) {
  precondition(positionGradient.width == outputGradient.width)
  precondition(
    places?.fit(rows: outputGradient.rows, limit: positionGradient.rows)
      ?? outputGradient.rows.isMultiple(of: positionGradient.rows))
  let laneCount = Row<Scalar>.laneCount
  team.split(outputGradient.width, grain: laneCount, multiple: laneCount) { columns, _ in
    for row in 0..<outputGradient.rows {
      let upstream = outputGradient[row]
      let gradient = positionGradient[places?[row] ?? row % positionGradient.rows]
      forEachLanes(of: Scalar.self, in: columns) { index, count in
        gradient.store(gradient.lanes(index, count) + upstream.lanes(index, count), index, count)
      }
    }
  }
}
