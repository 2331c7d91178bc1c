/// The tensors outside the layers.
public enum StemTensor {
  /// The token embeddings, `(vocabulary, d)`; the head's too where it is tied.
  public static let embedding = "decoder.embed_tokens.weight"
  /// The table of learned positions, `(rows, d)`.
  public static let positions = "decoder.embed_positions.weight"
  /// The norm of the embeddings.
  public static let embeddingNorm = "decoder.layernorm_embedding"
  /// The norm after the stack.
  public static let finalNorm = "decoder.layer_norm"
  /// The head, where it is not the embedding.
  public static let head = "decoder.output_projection"

  /// Those before the layers.
  static func before(_ configuration: ModelConfiguration) -> [ParameterSpec] {
    let width = configuration.modelDim
    let start = embeddingStart(configuration)
    var specs = [
      ParameterSpec(
        name: embedding, shape: [configuration.embeddingCount, width], kind: .embedding, initialValue: start)
    ]
    if configuration.positionRows > 0 {
      specs.append(
        ParameterSpec(
          name: positions, shape: [configuration.positionRows, width], kind: .embedding, initialValue: start))
    }
    return specs + norm(embeddingNorm, configuration.architecture.embedding.norm, configuration)
  }

  /// Those after the layers.
  static func after(_ configuration: ModelConfiguration) -> [ParameterSpec] {
    let description = configuration.architecture.head
    var specs = norm(finalNorm, description.norm, configuration)
    if let head = configuration.sequenceHead {
      return specs + head.parameters(modelDim: configuration.modelDim)
    }
    guard !description.isTied else { return specs }
    specs.append(
      ParameterSpec(
        name: "\(head).weight", shape: [configuration.embeddingCount, configuration.modelDim], kind: .weight,
        initialValue: embeddingStart(configuration)))
    if description.hasBias {
      specs.append(
        ParameterSpec(
          name: "\(head).bias", shape: [configuration.embeddingCount], kind: .bias, initialValue: .constant(0)
        ))
    }
    return specs
  }

  private static func norm(
    _ name: String, _ norm: NormDescription?, _ configuration: ModelConfiguration
  ) -> [ParameterSpec] {
    norm.map { ParameterSpec.norm(name, $0, width: configuration.modelDim, axis: .modelElement) } ?? []
  }

  /// fairseq's N(0, 1/d), GPT-2's N(0, 0.02²).
  private static func embeddingStart(_ configuration: ModelConfiguration) -> InitialValue {
    switch configuration.initialization {
    case .fairseq, .xiong: .normal(standardDeviation: 1 / Double(configuration.modelDim).squareRoot())
    case .gpt2: .normal(standardDeviation: 0.02)
    }
  }
}

extension ModelConfiguration {
  /// Names of what ``--activations`` measures after the layers: the last norm's output, where there is one, and the logits.
  public var stemOperationNames: [String] {
    (architecture.head.norm != nil ? [StemTensor.finalNorm] : []) + [StemTensor.head]
  }
}
