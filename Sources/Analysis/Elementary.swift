import Glibc

// One place for the functions of libm that the analysis needs.

func commonLogarithm(_ x: Double) -> Double { log10(x) }

func powerOfTen(_ x: Double) -> Double { pow(10, x) }

/// P(Z <= x) of a standard normal Z.
func normalProbability(below x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

func arcTangent(_ x: Double) -> Double { atan(x) }

/// e to a number: the perplexity of a loss in nats.
func exponential(_ x: Double) -> Double { exp(x) }
