import Glibc

// One place for the functions of libm that the charts need. What they return is rounded to hundredths of a point or used
// to choose between ticks, so that the last bit of a library does not show.

func commonLogarithm(_ x: Double) -> Double { log10(x) }

func powerOfTen(_ x: Double) -> Double { pow(10, x) }
