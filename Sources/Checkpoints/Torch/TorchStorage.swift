/// A storage as a pickle states it: the numbers that tensors are views of.
struct TorchStorage: Equatable {
  /// The storage's name within the file.
  let key: String
  /// Type of the elements; nil for bytes without a type.
  let type: TensorType?
  /// Elements, or bytes without a type.
  let elementCount: Int

  /// Bytes of all elements; nil where that is more than any file holds.
  var byteCount: Int? {
    let (bits, overflow) = elementCount.multipliedReportingOverflow(by: type?.bitCount ?? 8)
    return overflow ? nil : bits / 8
  }

  /// Reads `("storage", class, key, location, count)`.
  /// - Returns: nil where the value is something else.
  init?(_ reference: PickleObjects.Reference, in objects: PickleObjects) {
    guard case .persistent(let id) = objects[reference], let parts = objects.tuple(id), parts.count >= 5,
      objects.text(parts[0]) == "storage", let type = objects.global(parts[1]), let known = Self.types[type],
      let key = objects.text(parts[2]), let count = objects.int(parts[4]), count >= 0
    else { return nil }
    // Very old files may have a sixth part: a storage that is a part of another.
    if parts.count > 5 {
      guard parts.count == 6, case .none = objects[parts[5]] else { return nil }
    }
    self.key = key
    self.type = known
    elementCount = count
  }

  private static let untyped: TensorType? = nil
  /// Storage classes and their elements; `UntypedStorage` has none.
  private static let types: [String: TensorType?] = [
    "torch.DoubleStorage": .f64, "torch.FloatStorage": .f32, "torch.HalfStorage": .f16,
    "torch.BFloat16Storage": .bf16, "torch.LongStorage": .i64, "torch.IntStorage": .i32,
    "torch.ShortStorage": .i16, "torch.CharStorage": .i8, "torch.ByteStorage": .u8,
    "torch.BoolStorage": .bool,
    "torch.ComplexFloatStorage": .c64, "torch.storage.UntypedStorage": untyped,
  ]

  /// Element types that a tensor over a storage without a type may state.
  static let elementTypes: [String: TensorType] = [
    "torch.float64": .f64, "torch.float32": .f32, "torch.float16": .f16, "torch.bfloat16": .bf16,
    "torch.int64": .i64, "torch.int32": .i32, "torch.int16": .i16, "torch.int8": .i8, "torch.uint8": .u8,
    "torch.uint16": .u16, "torch.uint32": .u32, "torch.uint64": .u64, "torch.bool": .bool,
    "torch.complex64": .c64, "torch.float8_e4m3fn": .f8E4M3, "torch.float8_e5m2": .f8E5M2,
    "torch.float8_e4m3fnuz": .f8E4M3FNUZ, "torch.float8_e5m2fnuz": .f8E5M2FNUZ,
    "torch.float8_e8m0fnu": .f8E8M0,
  ]
}

/// Where a storage's bytes lie in the file.
struct StorageExtent: Equatable {
  let byteRange: Range<Int>
  /// Number of its checksum.
  let checksum: Int?
}
