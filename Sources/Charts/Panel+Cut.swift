extension Panel {
  /// The panel with a part of its horizontal axis: what lies outside is left out, and what is inside is thinned anew where it is
  /// drawn.
  public func cut(from lower: Double, to upper: Double) -> Panel {
    var panel = self
    panel.marks = marks.map { mark in
      switch mark {
      case let line as LineMark: line.cut(from: lower, to: upper)
      case let band as BandMark: band.cut(from: lower, to: upper)
      case let points as PointsMark: points.cut(from: lower, to: upper)
      case let cells as CellsMark: cells.cut(from: lower, to: upper)
      default: mark
      }
    }
    return panel
  }
}

/// The positions of ascending numbers between two ends.
private func positions(of x: [Double], from lower: Double, to upper: Double) -> Range<Int> {
  let first = x.firstIndex { $0 >= lower } ?? x.count
  return first..<max(first, (x.lastIndex { $0 <= upper } ?? -1) + 1)
}

/// Stretches within some positions, counted from the first of them.
private func cut(_ stretches: [Range<Int>], to kept: Range<Int>) -> [Range<Int>] {
  stretches.map { $0.clamped(to: kept) }.filter { !$0.isEmpty }
    .map { $0.lowerBound - kept.lowerBound..<$0.upperBound - kept.lowerBound }
}

extension LineMark {
  fileprivate func cut(from lower: Double, to upper: Double) -> LineMark {
    let kept = positions(of: x, from: lower, to: upper)
    var line = self
    (line.x, line.y) = (Array(x[kept]), Array(y[kept]))
    line.stretches = Charts::cut(stretches, to: kept)
    return line
  }
}

extension BandMark {
  fileprivate func cut(from lower: Double, to upper: Double) -> BandMark {
    let kept = positions(of: x, from: lower, to: upper)
    var band = self
    band.x = Array(x[kept])
    (band.lower, band.upper) = (Array(self.lower[kept]), Array(self.upper[kept]))
    band.stretches = Charts::cut(stretches, to: kept)
    return band
  }
}

extension PointsMark {
  fileprivate func cut(from lower: Double, to upper: Double) -> PointsMark {
    let kept = x.indices.filter { x[$0] >= lower && x[$0] <= upper }
    var points = self
    (points.x, points.y) = (kept.map { x[$0] }, kept.map { y[$0] })
    return points
  }
}

extension CellsMark {
  fileprivate func cut(from lower: Double, to upper: Double) -> CellsMark {
    var cells = self
    cells.cells = self.cells.filter { cell in
      let left = columnStart + Double(cell.column) * columnWidth
      return left + columnWidth > lower && left < upper
    }
    return cells
  }
}
