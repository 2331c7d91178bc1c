import FileTestSupport
import FuzzTestSupport
import Testing

@testable import Checkpoints

/// Views that are larger than what is read at once, in windows that start and end anywhere.
@Suite struct StridedReadingTests {
  static let shape = [700, 900]
  let folder: TemporaryFolder
  let checkpoint: Checkpoint

  init() throws {
    folder = try TemporaryFolder()
    let path = folder.path("matrix.safetensors")
    // Every element is its own number; 630 000 of them are exact in single precision.
    let count = Self.shape[0] * Self.shape[1]
    try SafetensorsWriter.write(
      [OutputTensor("a", shape: Self.shape, float: { (0..<count).map(Float.init) })], to: path)
    checkpoint = try Checkpoint(path: path)
  }

  /// A view of the matrix's elements.
  private func view(_ shape: [Int], _ strides: [Int], from first: Int = 0) -> TensorInfo {
    let span = 1 + zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    let start = checkpoint.tensors[0].byteRange.lowerBound + 4 * first
    return TensorInfo(
      name: "view", type: .f32, shape: shape, byteRange: start..<(start + 4 * span), strides: strides)
  }

  /// What the view's definition gives for an element, counted in C order.
  private func expected(_ shape: [Int], _ strides: [Int], _ first: Int, element: Int) -> Double {
    var (rest, position) = (element, first)
    for (size, stride) in zip(shape, strides).reversed() {
      position += rest % size * stride
      rest /= size
    }
    return Double(position)
  }

  @Test(arguments: [
    ([900, 700], [1, 900], 0), ([899, 350], [1, 1800], 1), ([300, 700], [3, 900], 2), ([630_000], [1], 0),
    ([10, 30, 700, 3], [3, 30, 900, 1], 0), ([7, 900, 100], [90_000, 1, 900], 0),
    ([5, 700, 20], [0, 900, 45], 0),
    ([21, 30_000], [30_000, 1], 0), ([2, 315_000], [1, 2], 0), ([70, 9], [9000, 100], 50),
  ])
  func windowsOfViews(shape: [Int], strides: [Int], first: Int) throws {
    let view = view(shape, strides, from: first)
    let count = view.elementCount
    var generator = Generator(state: UInt64(count))
    var windows = [0..<count, 0..<1, (count - 1)..<count]
    for _ in 0..<12 {
      let start = generator.below(count)
      windows.append(start..<(start + 1 + generator.below(min(count - start, 40_000))))
    }
    for window in windows {
      var values = [Double](repeating: -1, count: window.count + 2)
      try checkpoint.read(view, elements: window, into: &values, at: 1)
      #expect(values.first == -1 && values.last == -1)
      let wrong = window.first {
        values[1 + $0 - window.lowerBound] != expected(shape, strides, first, element: $0)
      }
      #expect(wrong == nil, "element \(wrong ?? 0) of \(window)")
    }
  }

  @Test func slicesAndTranspositions() throws {
    let matrix = checkpoint.tensors[0]
    let part = matrix.slice(300..<600, dimension: 1).transposed.slice(10..<20, dimension: 0)
    #expect(part.shape == [10, 700])
    let values = try checkpoint.floats(of: part)
    #expect(
      values[0] == 310 && values[1] == 1210 && values[700] == 311 && values[6999] == Float(699 * 900 + 319))
    #expect(matrix.slice(2..<4, dimension: 0).strides == nil)
    #expect(try checkpoint.floats(of: matrix.slice(5..<5, dimension: 0)).isEmpty)
  }
}
