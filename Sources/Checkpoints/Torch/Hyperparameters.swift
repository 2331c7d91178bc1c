/// The hyper-parameters that a training script saved beside the weights, as text under their own names.
struct Hyperparameters {
  private(set) var metadata: [String: String] = [:]

  /// Where scripts keep them: fairseq's `cfg` and, before 2021, `args`; nanoGPT's `model_args`; Lightning's.
  private static let places = [
    ["cfg", "model"], ["args"], ["model_args"], ["hyper_parameters"], ["hparams"], ["config"],
  ]
  /// Libraries' words for the number of heads, decoder's first.
  private static let headCounts = [
    "decoder_attention_heads", "encoder_attention_heads", "n_head", "num_attention_heads", "num_heads",
    "n_heads",
    "nhead", "heads",
  ]
  private static let maximumCount = 10_000

  init(_ objects: PickleObjects) {
    for place in Self.places {
      var reference: PickleObjects.Reference? = objects.root
      for key in place { reference = reference.flatMap { Self.fields($0, objects) }?[key] }
      guard let reference, let fields = Self.fields(reference, objects) else { continue }
      for (key, value) in fields where metadata[key] == nil && metadata.count < Self.maximumCount {
        metadata[key] = objects.scalar(Self.unwrapped(value, objects))
      }
    }
    let found = metadata
    if found[CheckpointMetadataKey.headCount] == nil {
      metadata[CheckpointMetadataKey.headCount] = Self.headCounts.lazy.compactMap { found[$0] }.first
    }
    if found[CheckpointMetadataKey.activation] == nil {
      metadata[CheckpointMetadataKey.activation] = found["activation_fn"]
    }
  }

  /// The entries of a dict, or the attributes of an object such as a Namespace.
  private static func fields(
    _ reference: PickleObjects.Reference, _ objects: PickleObjects
  ) -> [String: PickleObjects.Reference]? {
    let reference = unwrapped(reference, objects)
    guard let pairs = objects.pairs(reference) ?? objects.state(reference).flatMap(objects.pairs) else {
      return nil
    }
    let named = pairs.prefix(maximumCount).compactMap { pair in
      objects.text(pair.key).map { ($0, pair.value) }
    }
    return Dictionary(named) { $1 }
  }

  /// OmegaConf keeps a dict under `_content` of its object's state, and a value under `_val`.
  private static func unwrapped(
    _ reference: PickleObjects.Reference, _ objects: PickleObjects
  ) -> PickleObjects.Reference {
    // Few attributes, or looking at each value would take long where many share one large state.
    guard let state = objects.state(reference), objects.itemCount(state) <= 64 else { return reference }
    return objects.value("_content", in: state) ?? objects.value("_val", in: state) ?? reference
  }
}
