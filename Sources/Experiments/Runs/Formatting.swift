import RealModule

/// A number with so many decimals, without trailing zeros.
package func rounded(_ value: Double, _ decimals: Int) -> String {
  // The sign of what is not a number says nothing.
  guard value.isFinite else { return value.isNaN ? "nan" : "\(value)" }
  let scale = Double.pow(10, Double(decimals))
  return "\((value * scale).rounded() / scale)"
}

/// e to a loss in nats.
package func perplexity(_ loss: Double) -> Double { Double.exp(loss) }
