/// A tensor that is stored as parts of it, such as each worker of a sharded training writes: boxes that do not overlap and leave no hole.
struct TensorParts: Equatable, Sendable {
  /// A box of the whole, and the tensor that holds its elements.
  struct Part: Equatable, Sendable {
    /// Where in the whole it begins, along each dimension.
    let offsets: [Int]
    let tensor: TensorInfo

    var sizes: [Int] { tensor.shape }
  }

  let shape: [Int]
  let parts: [Part]

  /// Elements of a part that stand in the whole before the element `index`, both counted in C order.
  func count(of part: Part, before index: Int) -> Int {
    var (rest, count) = (index, 0)
    let whole = TensorInfo.contiguousStrides(shape)
    let inner = TensorInfo.contiguousStrides(part.sizes)
    for dimension in shape.indices {
      let position = rest / whole[dimension] - part.offsets[dimension]
      rest %= whole[dimension]
      if position < 0 { return count }
      if position >= part.sizes[dimension] { return count + part.sizes[dimension] * inner[dimension] }
      count += position * inner[dimension]
    }
    // A number alone stands before every index but its own.
    return shape.isEmpty ? min(index, 1) : count
  }

  /// Calls `body` for runs of a part's elements that follow each other in the whole, too.
  /// - Parameter elements: of the part, counted in C order.
  @inline(__always)
  func forEachRun(
    of part: Part, _ elements: Range<Int>, _ body: (_ first: Int, _ place: Int, _ count: Int) -> Void
  ) {
    let row = part.sizes.last ?? 1
    let whole = TensorInfo.contiguousStrides(shape)
    var first = elements.lowerBound
    while first < elements.upperBound {
      var (rest, place) = (first / row, part.offsets.last ?? 0)
      for dimension in shape.indices.dropLast().reversed() {
        place += (rest % part.sizes[dimension] + part.offsets[dimension]) * whole[dimension]
        rest /= part.sizes[dimension]
      }
      let column = first % row
      let count = min(row - column, elements.upperBound - first)
      body(first, place + column, count)
      first += count
    }
  }

  /// What is wrong with boxes that should fill a whole; nil where nothing is.
  static func problem(_ boxes: [(offsets: [Int], sizes: [Int])], fill shape: [Int]) -> String? {
    let wanted = shape.reduce(1, *)
    var count = 0
    for box in boxes {
      guard box.offsets.count == shape.count, box.sizes.count == shape.count else {
        return "a part of rank \(box.sizes.count) of a tensor of shape \(shape)"
      }
      for (size, (offset, extent)) in zip(shape, zip(box.offsets, box.sizes))
      where offset < 0 || extent < 0 || offset > size || extent > size - offset {
        return "a part of shape \(box.sizes) at \(box.offsets) reaches beyond shape \(shape)"
      }
      // No more than the tensor holds before others are added: of overlapping ones there may be any number.
      count = min(count, wanted) + box.sizes.reduce(1, *)
    }
    if let pair = overlap(boxes) {
      return "its parts at \(pair.0.offsets) and \(pair.1.offsets) overlap"
    }
    return count == wanted ? nil : "its parts hold \(count) of \(wanted) elements"
  }

  /// Two boxes with an element in common: found by a sweep along the dimension in which they are cut the most.
  private static func overlap(
    _ boxes: [(offsets: [Int], sizes: [Int])]
  ) -> ((offsets: [Int], sizes: [Int]), (offsets: [Int], sizes: [Int]))? {
    let boxes = boxes.filter { !$0.sizes.contains(0) }
    guard boxes.count > 1, let rank = boxes.first?.sizes.count else { return nil }
    guard rank > 0 else { return (boxes[0], boxes[1]) }
    let cuts = (0..<rank).map { dimension in Set(boxes.map { $0.offsets[dimension] }).count }
    let along = cuts.indices.max { cuts[$0] < cuts[$1] } ?? 0
    var open: [(offsets: [Int], sizes: [Int])] = []
    for box in boxes.sorted(by: { $0.offsets[along] < $1.offsets[along] }) {
      open.removeAll { $0.offsets[along] + $0.sizes[along] <= box.offsets[along] }
      for other in open {
        let meets = (0..<rank).allSatisfy { dimension in
          let end: Int = box.offsets[dimension] + box.sizes[dimension]
          let otherEnd: Int = other.offsets[dimension] + other.sizes[dimension]
          return box.offsets[dimension] < otherEnd && other.offsets[dimension] < end
        }
        if meets { return (other, box) }
      }
      open.append(box)
    }
    return nil
  }
}
