import Glibc

// One place for the functions of libm that comparisons need.

func commonLogarithm(_ x: Double) -> Double { log10(x) }

func powerOfTen(_ x: Double) -> Double { pow(10, x) }
