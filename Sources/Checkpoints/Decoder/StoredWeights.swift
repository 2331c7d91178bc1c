import Architecture

extension DecoderCheckpoint {
  /// A model's weights as this checkpoint's library stores them: its names, fused and transposed as there, in float32.
  ///
  /// What is stored and no computation reads is left out; a copy of a tied embedding is one again.
  ///
  /// - Parameter elements: of a parameter by its full name, in C order.
  /// - Returns: nil where elements do not lie in the order of their tensor's shape, as PyTorch can store them.
  public func storedWeights(_ elements: @escaping (String) -> [Float]) -> [OutputTensor]? {
    var parts: [String: [StoredPart]] = [:]
    var tensors: [String: TensorInfo] = [:]
    for name in parameterNames {
      guard let source = source(ofParameter: name), source.tensor.strides == nil else { return nil }
      parts[source.storedName, default: []].append(StoredPart(parameter: name, tensor: source))
      tensors[source.storedName] = source.tensor
    }
    let copies = view.tensors.filter {
      $0.place.layer == nil && $0.place.name == "\(StemTensor.head).weight" && tensors[$0.storedName] == nil
    }
    for copy in copies {
      parts[copy.storedName] = [StoredPart(parameter: StemTensor.embedding, tensor: copy)]
      tensors[copy.storedName] = copy.tensor
    }
    return tensors.sorted { $0.key < $1.key }.map { name, tensor in
      let own = parts[name] ?? []
      return OutputTensor(name, shape: tensor.shape) {
        var values = [Float](repeating: 0, count: tensor.elementCount)
        for part in own { part.put(elements(part.parameter), into: &values) }
        return values
      }
    }
  }
}

/// A parameter's place in a stored tensor.
private struct StoredPart {
  let parameter: String
  let tensor: ModelTensor

  func put(_ elements: [Float], into values: inout [Float]) {
    let (view, whole) = (tensor.view, tensor.tensor)
    let strides = view.strides ?? TensorInfo.contiguousStrides(view.shape)
    let first = (view.byteRange.lowerBound - whole.byteRange.lowerBound) / max(1, view.type.bitCount / 8)
    var index = [Int](repeating: 0, count: view.shape.count)
    var position = first
    for element in elements {
      values[position] = element
      // The next index in C order.
      for dimension in view.shape.indices.reversed() {
        index[dimension] += 1
        position += strides[dimension]
        if index[dimension] < view.shape[dimension] { break }
        position -= strides[dimension] * view.shape[dimension]
        index[dimension] = 0
      }
    }
  }
}
