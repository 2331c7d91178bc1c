// Tensors that are stored as small numbers and their scales become one tensor of numbers.

extension CheckpointContents {
  /// How scales are called beside the numbers that they belong to: DeepSeek's, which multiply in spite of their name, and others'.
  private static let scaleEndings = ["_scale_inv", "_scale"]
  /// How MXFP4's two parts are called, by Transformers and by OpenAI; Transformers' modules have the matrices transposed.
  private static let mxfp4Endings = [
    (blocks: "_blocks", scales: "_scales", isTransposed: true),
    (blocks: ".blocks", scales: ".scales", isTransposed: false),
  ]

  /// The same with quantized tensors as the numbers that they stand for, read as they are asked for.
  /// - Throws: where blocks and scales do not fit each other, or one is missing.
  func dequantized(path: String) throws(CheckpointError) -> CheckpointContents {
    guard tensors.contains(where: { [.f8E4M3, .f8E5M2, .u8].contains($0.type) }) else { return self }
    let byName = Dictionary(tensors.map { ($0.name, $0) }) { first, _ in first }
    var replaced: [String: TensorInfo] = [:]
    var taken: Set<String> = []
    var bare: [String] = []
    for tensor in tensors {
      if let scales = Self.scaleEndings.lazy.compactMap({ byName[tensor.name + $0] }).first,
        tensor.type.isFloat8
      {
        guard let scaled = ScaledBlocks(numbers: tensor, scales: scales) else {
          throw CheckpointError(
            path: path,
            problem:
              "\"\(scales.name)\" of shape \(scales.shape) does not scale blocks of \"\(tensor.name)\" of shape \(tensor.shape)",
            advice: "Scales are one for all, one a row, or one a block of 128 x 128")
        }
        replaced[tensor.name] = Self.made(tensor.name, tensor.shape, of: .scaled(scaled))
        taken.insert(scales.name)
      } else if tensor.type.isFloat8 {
        bare.append(tensor.name)
      } else if let made = try Self.mxfp4(tensor, byName, path: path) {
        replaced[tensor.name] = made.tensor
        taken.insert(made.scales)
      }
    }
    let hasScales = replaced.contains { if case .scaled = $1.origin { true } else { false } }
    if let name = bare.first, hasScales {
      throw CheckpointError(
        path: path,
        problem: "tensor \"\(name)\" is F8 without scales, which others here have: its numbers mean nothing",
        advice: "Copy the file again, or make it again with \(name)_scale_inv")
    }
    var result = self
    result.tensors = tensors.filter { !taken.contains($0.name) }.map { replaced[$0.name] ?? $0 }
    if !bare.isEmpty {
      result.notes.append("\(path): F8 tensors without scales are read as the numbers that they hold")
    }
    let names = result.tensors.map(\.name)
    guard Set(names).count == names.count else {
      throw CheckpointError(path: path, problem: "holds a tensor both as MXFP4 blocks and as numbers")
    }
    return result
  }

  private static func mxfp4(
    _ tensor: TensorInfo, _ byName: [String: TensorInfo], path: String
  ) throws(CheckpointError) -> (tensor: TensorInfo, scales: String)? {
    guard tensor.type == .u8, let ending = mxfp4Endings.first(where: { tensor.name.hasSuffix($0.blocks) })
    else { return nil }
    let name = String(tensor.name.dropLast(ending.blocks.count))
    guard let scales = byName[name + ending.scales] else {
      // Other bytes may be called so, too; sixteen a group are MXFP4's.
      guard tensor.shape.count >= 3, tensor.shape.last == MXFP4Blocks.groupSize / 2 else { return nil }
      throw CheckpointError(
        path: path,
        problem:
          "MXFP4 tensor \"\(tensor.name)\" has no \"\(name + ending.scales)\": its numbers mean nothing",
        advice: "Copy the file again")
    }
    guard let blocks = MXFP4Blocks(blocks: tensor, scales: scales) else {
      throw CheckpointError(
        path: path,
        problem:
          "\"\(tensor.name)\" (\(tensor.type.rawValue) of shape \(tensor.shape)) and \"\(scales.name)\" (\(scales.type.rawValue) of"
          + " shape \(scales.shape)) are no MXFP4: bytes of shape (..., groups, 16) and (..., groups) are",
        advice: "Copy the file again")
    }
    let made = made(name, blocks.shape, of: .mxfp4(blocks))
    let isStack = blocks.shape.count == 3
    guard ending.isTransposed, isStack else { return (made, scales.name) }
    let (rows, columns) = (blocks.shape[1], blocks.shape[2])
    let transposed = TensorInfo(
      name: name, type: .f32, shape: [blocks.shape[0], columns, rows], byteRange: made.byteRange,
      strides: [rows * columns, 1, columns], origin: made.origin)
    return (transposed, scales.name)
  }

  private static func made(_ name: String, _ shape: [Int], of origin: TensorOrigin) -> TensorInfo {
    TensorInfo(name: name, type: .f32, shape: shape, byteRange: 0..<(4 * shape.reduce(1, *)), origin: origin)
  }
}
