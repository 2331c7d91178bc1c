import Glibc

// The functions of libm that schedules need, under names of their own.

func cosine(_ x: Double) -> Double { cos(x) }

func logarithm10(_ x: Double) -> Double { log10(x) }

func powerOf10(_ x: Double) -> Double { pow(10, x) }
