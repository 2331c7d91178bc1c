/// A linear map of a sublayer.
struct Projection {
  /// Which of a sublayer's maps it is.
  enum Role: String {
    case q, k, v, out, gate, fc1, fc2
  }

  let name: String
  let role: Role
  /// Columns of its output.
  let width: Int
  let hasBias: Bool
  /// What attention does with the output, where it is queries or keys.
  let symmetry: ScoreSymmetry?

  init(_ name: String, _ role: Role, width: Int, hasBias: Bool, symmetry: ScoreSymmetry? = nil) {
    self.name = name
    self.role = role
    self.width = width
    self.hasBias = hasBias
    self.symmetry = symmetry
  }
}

/// The names of a sublayer's tensors and operations: fairseq's, and where fairseq has none, names in its manner.
///
/// A second sublayer of a kind has its number in front of all.
struct SublayerNames {
  private let prefix: String
  private let isAttention: Bool

  static func attention(_ number: Int) -> SublayerNames {
    SublayerNames(prefix: number == 1 ? "" : "attn_\(number).", isAttention: true)
  }

  static func feedForward(_ number: Int) -> SublayerNames {
    SublayerNames(prefix: number == 1 ? "" : "ffn_\(number).", isAttention: false)
  }

  private func name(_ attention: String, _ ffn: String) -> String { prefix + (isAttention ? attention : ffn) }

  var inputNorm: String { name("self_attn_layer_norm", "final_layer_norm") }
  var branchNorm: String { name("attn_ln", "ffn_ln") }
  /// The one norm of a Post-LN sublayer has the name of a Pre-LN's.
  func outputNorm(_ sublayer: SublayerDescription) -> String {
    sublayer.surroundings.inputNorm == nil ? inputNorm : name("attn_output_ln", "ffn_output_ln")
  }
  var headsNorm: String { name("self_attn.inner_attn_ln", "") }
  var innerNorm: String { name("", "ffn_layernorm") }
  var branchScale: String { name("attn_layer_scale", "ffn_layer_scale") }
  var residualScale: String { name("w_resid_attention", "w_resid") }
  var headScale: String { name("c_attn", "") }
  var sum: String { name("attention_residual", "ffn_residual") }
  var inputSum: String { name("attention_input_residual", "ffn_input_residual") }
  var function: String { name("self_attn", "activation") }
  var joinedProjections: String { name("self_attn.qkv_proj", "fc_gate_fc1") }
  var rotation: String { name("self_attn.rotary", "") }

  func projection(_ role: Projection.Role) -> String {
    switch role {
    case .q, .k, .v, .out: "\(prefix)self_attn.\(role.rawValue)_proj"
    case .gate: "\(prefix)fc_gate"
    case .fc1, .fc2: prefix + role.rawValue
    }
  }

  func projectionNorm(_ role: Projection.Role) -> String { "\(prefix)self_attn.\(role.rawValue)_layer_norm" }
  func rotated(_ role: Projection.Role) -> String { "\(prefix)self_attn.\(role.rawValue)_rotated" }
}

/// What moves no score of an attention, so that its gradient is zero whatever the data.
struct ScoreSymmetry {
  /// Scores that all move by the same are the same to softmax; a soft cap sees the difference.
  private let ignoresShifts: Bool
  /// A rotation turns a shift of the keys by their position.
  private let hasRotation: Bool
  private let hasKeyNorm: Bool
  /// A position that sees itself alone has one probability, 1.
  private let seesItselfAlone: Bool

  init(_ attention: AttentionDescription) {
    ignoresShifts = attention.softCap == nil
    hasRotation = attention.rotary != nil
    hasKeyNorm = attention.keyNorm != nil
    seesItselfAlone = attention.window == 1
  }

  /// When the gradient of a tensor of queries or keys is zero.
  func zeroGradient(of tensor: String, _ role: Projection.Role?) -> ZeroGradient {
    guard role == .q || role == .k else { return .never }
    if seesItselfAlone { return .always }
    let isShiftOfKeys = role == .k && tensor.hasSuffix(".bias") && ignoresShifts && !hasRotation
    guard isShiftOfKeys else { return .oneToken }
    let isLastBeforeScores = tensor.hasSuffix("_layer_norm.bias") || !hasKeyNorm
    return isLastBeforeScores ? .always : .oneToken
  }
}
