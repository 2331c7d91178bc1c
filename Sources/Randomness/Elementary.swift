import Glibc

// One place for the two functions of libm that the generator needs.

func logarithm(_ x: Double) -> Double { log(x) }

func cosine(_ x: Double) -> Double { cos(x) }
