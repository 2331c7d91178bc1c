import Glibc

// The functions of libm that the position table needs, under names of their own.

func naturalExponential(_ x: Double) -> Double { exp(x) }

func sine(_ x: Double) -> Double { sin(x) }

func cosine(_ x: Double) -> Double { cos(x) }
