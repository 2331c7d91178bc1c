/// Words in LaTeX.
public enum LaTeXText {
  /// `text` with LaTeX's special characters escaped and mathematical ones set as mathematics.
  public static func escaped(_ text: String) -> String {
    let replacements: [Character: String] = [
      "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "#": "\\#", "%": "\\%",
      "_": "\\_", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "<": "$<$", ">": "$>$", "|": "$|$",
      "−": "$-$", "–": "--", "—": "---", "±": "$\\pm$", "×": "$\\times$", "∞": "$\\infty$", "≥": "$\\geq$",
      "≤": "$\\leq$", "√": "$\\surd$", "²": "$^2$", "⅓": "$^{1/3}$", "Σ": "$\\Sigma$", "α": "$\\alpha$",
      "β": "$\\beta$", "γ": "$\\gamma$", "λ": "$\\lambda$", "ε": "$\\varepsilon$", "σ": "$\\sigma$",
      "ρ": "$\\rho$", "δ": "$\\delta$", "≈": "$\\approx$", "‖": "$\\|$", "∝": "$\\propto$",
      "→": "$\\rightarrow$", "·": "$\\cdot$", "…": "\\ldots{}", "“": "``", "”": "''", "’": "'", "\n": " ",
    ]
    return text.map { replacements[$0] ?? String($0) }.joined()
  }
}
