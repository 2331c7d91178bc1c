/// A box of a strided tensor's indices: where its first element lies in the file and in the result, and its extents.
///
/// A window of a transposed matrix is many short runs far apart in the file. Boxes are split until what lies between
/// their first and last element is worth reading at once.
struct StridedBox {
  var source: Int
  var target: Int
  var extents: [Int]
}

/// The two orders of a strided tensor: the one in which its elements lie, and C order, in which they are wanted.
struct StridedLayout {
  let shape: [Int]
  /// Elements in the file.
  let sourceStrides: [Int]
  /// Elements in the result.
  let targetStrides: [Int]

  /// The most elements that are read at once.
  static let spanLimit = 1 << 18
  /// Elements between two wanted ones that are cheaper to read than to skip.
  private static let gapLimit = 1 << 10

  init(_ tensor: TensorInfo) {
    shape = tensor.shape
    targetStrides = TensorInfo.contiguousStrides(tensor.shape)
    sourceStrides = tensor.strides ?? targetStrides
  }

  /// Elements from the first to the last of a box.
  func span(_ box: StridedBox) -> Int {
    1 + zip(box.extents, sourceStrides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
  }

  /// Boxes that together hold `elements`, counted in C order; at most two for each dimension.
  ///
  /// Targets count from the first of `elements`.
  func boxes(of elements: Range<Int>) -> [StridedBox] {
    guard !elements.isEmpty else { return [] }
    var boxes: [StridedBox] = []
    collect(elements, dimension: 0, source: 0, target: -elements.lowerBound, into: &boxes)
    return boxes
  }

  /// Boxes of `elements`, counted inside the sub-tensor of the dimensions from `dimension` on.
  private func collect(
    _ elements: Range<Int>, dimension: Int, source: Int, target: Int, into boxes: inout [StridedBox]
  ) {
    guard dimension < shape.count else {
      boxes.append(StridedBox(source: source, target: target, extents: shape.map { _ in 1 }))
      return
    }
    let inner = targetStrides[dimension]
    var first = elements.lowerBound
    // Whole indices of this dimension are one box; what sticks out at either end lies inside one index.
    while first < elements.upperBound {
      let index = first / inner
      let (subSource, subTarget) = (source + index * sourceStrides[dimension], target + index * inner)
      let wholeEnd = elements.upperBound / inner * inner
      if first == index * inner, wholeEnd > first {
        var extents = shape.map { _ in 1 }
        extents[dimension] = (wholeEnd - first) / inner
        extents.replaceSubrange((dimension + 1)..., with: shape[(dimension + 1)...])
        boxes.append(StridedBox(source: subSource, target: subTarget, extents: extents))
        first = wholeEnd
      } else {
        let end = min(elements.upperBound, (index + 1) * inner)
        let within = (first - index * inner)..<(end - index * inner)
        collect(within, dimension: dimension + 1, source: subSource, target: subTarget, into: &boxes)
        first = end
      }
    }
  }

  /// Whether a box is small and dense enough to be read at once.
  private func isReadable(_ box: StridedBox) -> Bool {
    var (span, distinct) = (1, 1)
    for dimension in box.extents.indices where sourceStrides[dimension] > 0 {
      span += (box.extents[dimension] - 1) * sourceStrides[dimension]
      distinct *= box.extents[dimension]
    }
    return span <= Self.spanLimit && span <= 8 * distinct + Self.gapLimit
  }

  /// Calls `body` with parts of a box that are small and dense enough to be read at once.
  func forEachReadable(
    _ box: StridedBox, _ body: (StridedBox) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    if isReadable(box) { return try body(box) }
    // Of what can be split, what lies farthest apart in the file.
    var widest: Int?
    for dimension in box.extents.indices where box.extents[dimension] > 1 {
      if widest.map({ sourceStrides[dimension] > sourceStrides[$0] }) ?? true { widest = dimension }
    }
    guard let widest else { return try body(box) }
    let extent = box.extents[widest]
    var part = box
    repeat {
      part.extents[widest] = (part.extents[widest] + 1) / 2
    } while part.extents[widest] > 1
      && !isReadable(part)
    let step = part.extents[widest]
    for index in stride(from: 0, to: extent, by: step) {
      part.extents[widest] = min(step, extent - index)
      part.source = box.source + index * sourceStrides[widest]
      part.target = box.target + index * targetStrides[widest]
      try forEachReadable(part, body)
    }
  }

  /// Calls `body` for every row of a box along its longest dimension: where the row starts in the file and in the result.
  @inline(__always)
  func forEachRow(
    _ box: StridedBox, _ body: (_ source: Int, _ target: Int, _ row: StridedRow) -> Void
  ) {
    guard let along = box.extents.indices.max(by: { box.extents[$0] < box.extents[$1] }) else {
      return body(box.source, box.target, StridedRow(count: 1, sourceStride: 0, targetStride: 0))
    }
    let row = StridedRow(
      count: box.extents[along], sourceStride: sourceStrides[along], targetStride: targetStrides[along])
    let others = box.extents.indices.filter { $0 != along && box.extents[$0] > 1 }
    if others.isEmpty { return body(box.source, box.target, row) }
    var counter = [Int](repeating: 0, count: others.count)
    var (source, target) = (box.source, box.target)
    while true {
      body(source, target, row)
      var position = others.count - 1
      while position >= 0 {
        let dimension = others[position]
        counter[position] += 1
        source += sourceStrides[dimension]
        target += targetStrides[dimension]
        if counter[position] < box.extents[dimension] { break }
        source -= counter[position] * sourceStrides[dimension]
        target -= counter[position] * targetStrides[dimension]
        counter[position] = 0
        position -= 1
      }
      if position < 0 { return }
    }
  }
}

/// Elements at equal distances.
struct StridedRow {
  let count: Int
  let sourceStride: Int
  let targetStride: Int
}
