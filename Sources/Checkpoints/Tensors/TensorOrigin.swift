/// What the elements of a tensor are made of that does not lie in a file as it is read.
indirect enum TensorOrigin: Equatable, Sendable {
  /// Parts of it, in several places.
  case parts(TensorParts)
  /// Numbers of 8 bits and their blocks' scales.
  case scaled(ScaledBlocks)
  /// Numbers of 4 bits and their groups' powers of two.
  case mxfp4(MXFP4Blocks)

  /// The same, where other files and other checksums come before its own.
  func after(files: Int, checksums: Int) -> TensorOrigin {
    switch self {
    case .parts(let whole):
      let parts = whole.parts.map {
        TensorParts.Part(offsets: $0.offsets, tensor: $0.tensor.after(files: files, checksums: checksums))
      }
      return .parts(TensorParts(shape: whole.shape, parts: parts))
    // Made after all files are there.
    case .scaled, .mxfp4: return self
    }
  }
}

extension TensorInfo {
  /// The tensors whose bytes this one's elements are made of: itself, or those that it comes from.
  var storedTensors: [TensorInfo] {
    switch origin {
    case nil: [self]
    case .parts(let whole): whole.parts.map(\.tensor)
    case .scaled(let scaled): scaled.numbers.storedTensors + scaled.scales.storedTensors
    case .mxfp4(let packed): packed.blocks.storedTensors + packed.scales.storedTensors
    }
  }
}
