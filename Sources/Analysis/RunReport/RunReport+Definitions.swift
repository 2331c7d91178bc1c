import Documents
import Text

extension RunReport {
  /// What every number means.
  var definitionSection: Document.Section {
    Document.Section("definitions", "What the numbers mean", [.terms(Self.terms + [findingTerm])])
  }

  /// From which number on findings speak, and where it comes from.
  private var findingTerm: Document.Term {
    let said = FindingThresholds.Key.allCases.map { key in
      "\(key.rawValue) \(NumberText.shortest(options.thresholds[key])): \(key.meaning)"
    }
    return Document.Term("findings", "Their thresholds. " + said.joined(separator: "; ") + ".")
  }

  private static let terms = [
    Document.Term(
      "group",
      "Runs with the same settings, corpus and number contract, which differ in their seed alone. One seed gives every"
        + " architecture the same batches, and the same initial values to each tensor that they share; comparisons of"
        + " groups are paired by seed."),
    Document.Term(
      "gradient",
      "That of the mean token negative log-likelihood in nats over the whole global batch, unscaled, before clipping and"
        + " before weight decay, unless the number contract says otherwise. Its L1 norm is the sum of the magnitudes of a"
        + " tensor's gradient elements at one step, accumulated in float64."),
    Document.Term(
      "m_l",
      "The mean over the window's recorded steps of the L1 norm in layer l; over several seeds the geometric mean."
    ),
    Document.Term(
      "early/late, spread, slope",
      "early/late: m of the first layer over m of the last; spread: the largest m over the smallest; slope: the"
        + " least-squares slope of log10 m_l against l/(L-1), in decades over the depth."),
    Document.Term(
      "window",
      "The steps that means run over. Of a mismatch by default the second half of the steps that all runs have reached; of"
        + " ratios steps 950 to 999 where both groups have them, as in the paper, else the second half."),
    Document.Term(
      "interval",
      "95 %. From three seeds on Student's t over the seeds (n - 1 degrees of freedom), of ratios on the logarithm: what"
        + " another seed would give. With one or two seeds a moving-block bootstrap over the recorded steps: how far the noise"
        + " from step to step carries; it says nothing about another seed."),
    Document.Term(
      "zero by construction",
      "Gradients that are zero whatever the weights (k_proj.bias, for one). What is recorded there is rounding noise; it"
        + " enters no number here."),
    Document.Term(
      "loss, perplexity",
      "Mean token negative log-likelihood in nats, unless the number contract says otherwise; perplexity is e to it, on"
        + " held-out text where it is called held-out or validation."),
    Document.Term(
      "unigram entropy, entropy rate",
      "Floors of the loss: what a model reaches that has learned nothing but token frequencies, and what no model can go"
        + " below. A run whose loss is not below the first is marked \"not learning yet\"."),
    Document.Term(
      "gradient norm, clip coefficient",
      "L2 norm over all gradients of the model before clipping; the factor that clipping then applied to them, 1 where it"
        + " did nothing."),
    Document.Term(
      "α, γ, λ",
      "What NormFormer learns in its additions: the gains α of FFN LN (ffn_layernorm) and Post-Attn LN (attn_ln), a factor γ"
        + " for each head (HeadScale, c_attn), the factors λ on the residual stream (ResScale, w_resid). All begin at 1."
    ),
    Document.Term(
      "decay alone",
      "Where weight decay without any gradient would have taken a value of 1, from the recorded learning rates. Only what"
        + " lies off it was learned."),
    Document.Term(
      "peak learning rate",
      "Of a stability test: the rate of the last update before training destabilised; a lower bound where it did not."
    ),
  ]
}
