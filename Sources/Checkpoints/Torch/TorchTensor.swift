/// A tensor as a pickle states it: a view of a storage.
struct TorchTensor: Equatable {
  let storage: TorchStorage
  let type: TensorType
  /// In elements.
  let offset: Int
  let shape: [Int]
  let strides: [Int]

  private static let maximumRank = 64
  /// A tensor that repeats elements may have at most so many more than its storage.
  private static let maximumRepeatedCount = 1 << 24

  /// Whether a value is a tensor, or a parameter around one, and which.
  ///
  /// - Returns: nil for values that are no tensors.
  /// - Throws: for tensors of kinds that are not supported and for views that reach beyond their storage.
  static func found(
    _ reference: PickleObjects.Reference, in objects: PickleObjects
  ) throws(TorchTensorError) -> TorchTensor? {
    guard var (function, arguments) = objects.call(reference) else { return nil }
    // A parameter around a subclass around a tensor, and no more.
    for _ in 0..<4 {
      switch function {
      case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
        guard let inner = arguments.first.flatMap(objects.call) else { throw .malformed }
        (function, arguments) = inner
      case "torch._tensor._rebuild_from_type_v2":
        guard arguments.count >= 3, let name = objects.global(arguments[0]),
          let inner = objects.tuple(arguments[2])
        else { throw .malformed }
        (function, arguments) = (name, inner)
      case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v3":
        return try TorchTensor(arguments, hasType: function.hasSuffix("v3"), objects)
      case _ where function.hasPrefix("torch._utils._rebuild_"):
        throw TorchTensorError(problem: "is of a kind that cannot be read (\(function))")
      default: return nil
      }
    }
    throw .malformed
  }

  /// Reads `(storage, offset, sizes, strides, ...)`; with `hasType`, the seventh states the element type.
  private init(
    _ arguments: PickleTuple, hasType: Bool, _ objects: PickleObjects
  ) throws(TorchTensorError) {
    guard arguments.count >= 4, let offset = objects.int(arguments[1]), offset >= 0,
      let sizes = objects.tuple(arguments[2]), let strides = objects.tuple(arguments[3]),
      sizes.count == strides.count, sizes.count <= Self.maximumRank
    else { throw .malformed }
    guard let storage = TorchStorage(arguments[0], in: objects) else {
      throw TorchTensorError(problem: "lies in a storage of a kind that cannot be read")
    }
    let stated = hasType && arguments.count >= 7 ? objects.global(arguments[6]) : nil
    guard let type = storage.type ?? stated.flatMap({ TorchStorage.elementTypes[$0] }) else {
      throw TorchTensorError(problem: "has element type \(stated ?? "none"), which is not known")
    }
    self.storage = storage
    self.type = type
    self.offset = offset
    shape = sizes.elements.compactMap(objects.int)
    self.strides = strides.elements.compactMap(objects.int)
    guard shape.count == sizes.count, self.strides.count == strides.count, shape.allSatisfy({ $0 >= 0 }),
      self.strides.allSatisfy({ $0 >= 0 })
    else { throw .malformed }
    try checkExtent()
  }

  /// Checks that the last element lies in the storage, without trusting any number to be small.
  private func checkExtent() throws(TorchTensorError) {
    guard let bytes = storage.byteCount else { throw .beyondStorage }
    let available = bytes / (type.bitCount / 8)
    var last = offset
    var count = 1
    for (size, stride) in zip(shape, strides) {
      // With zeros left out, so that a size of 0 does not excuse the others.
      let (step, overflow) = max(size - 1, 0).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(step)
      let (product, excess) = count.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, !carry, !excess else { throw .beyondStorage }
      (last, count) = (sum, product)
    }
    if shape.contains(0) {
      guard offset <= available else { throw .beyondStorage }
    } else {
      guard last < available else { throw .beyondStorage }
      guard count <= max(available, Self.maximumRepeatedCount) else {
        throw TorchTensorError(problem: "repeats \(available) stored elements to \(count)")
      }
    }
  }

  /// The tensor, once it is known where its storage lies.
  func info(named name: String, in extent: StorageExtent) -> TensorInfo {
    let elementBytes = type.bitCount / 8
    let start = extent.byteRange.lowerBound + offset * elementBytes
    let span = shape.contains(0) ? 0 : 1 + zip(shape, strides).reduce(0) { $0 + max($1.0 - 1, 0) * $1.1 }
    return TensorInfo(
      name: name, type: type, shape: shape, byteRange: start..<(start + span * elementBytes),
      strides: shape.contains(0) ? nil : normalizedStrides, checksum: extent.checksum)
  }

  /// The strides of dimensions of size 1 say nothing, and libraries differ in them.
  private var normalizedStrides: [Int] {
    let contiguous = TensorInfo.contiguousStrides(shape)
    return shape.indices.map { shape[$0] == 1 ? contiguous[$0] : strides[$0] }
  }
}

/// What is wrong with one tensor of a pickle, as the end of a sentence about it.
struct TorchTensorError: Error, Equatable {
  var problem: String

  static let malformed = TorchTensorError(problem: "is stated in a form that torch.save does not write")
  static let beyondStorage = TorchTensorError(problem: "reaches beyond the end of its storage")
}
