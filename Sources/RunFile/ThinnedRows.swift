/// Which rows of a finished run's steps a packed file keeps.
///
/// Of each stretch of `every` steps the first that was recorded, so that kept rows lie evenly and means over them are no
/// more drawn to extremes than before; further the first row of each attempt and the last row, so that no gap and no end
/// moves.
struct ThinnedRows {
  /// The kept rows, ascending.
  let kept: [Int]
  private let rowCount: Int

  /// - Parameters:
  ///   - steps: of all rows, ascending.
  ///   - segments: attempts that made them.
  init(steps: [Int], segments: [Int], every: Int) {
    rowCount = steps.count
    kept = steps.indices.filter { row in
      every == 1 || row == 0 || row == steps.count - 1 || steps[row] / every != steps[row - 1] / every
        || segments[row] != segments[row - 1]
    }
  }

  /// The rows from each kept one to before the next.
  var stretches: [Range<Int>] {
    zip(kept, kept.dropFirst() + [rowCount]).map { $0..<$1 }
  }
}
