import COpenBLAS

/// The team's threads each call BLAS for their part, so BLAS itself must not start more.
func useOneThreadPerProduct() { openblas_set_num_threads(1) }

/// What multiplies the matrices.
public enum MatrixLibrary {
  /// Name, version and the kernels chosen for this processor, e.g. `OpenBLAS 0.3.21 SkylakeX`.
  public static var description: String {
    let words = unsafe String(cString: openblas_get_config()).split(separator: " ")
    return (words.prefix(2).map(String.init) + [kernelName]).joined(separator: " ")
  }

  /// The processor family whose kernels are in use, e.g. `SkylakeX`.
  public static var kernelName: String { unsafe String(cString: openblas_get_corename()) }
}

extension MatrixLibrary {
  /// Floating-point operations a second of products `(rows, inner) * (inner, width)` of factors of a type, cut over a team as the linear
  /// maps cut theirs, in the three orientations of a training step; repeated for at least `seconds`.
  public static func productRate<Scalar: FactorScalar>(
    of _: Scalar.Type, rows: Int, inner: Int, width: Int, team: Team, seconds: Double
  ) -> Double {
    let factors = Buffer<Scalar>(count: rows * inner + width * inner + rows * width)
    let sums = Buffer<Scalar.Sum>(count: max(rows * inner, width * inner, rows * width))
    let a = factors.matrix(rows: rows, width: inner)
    let w = factors.matrix(offset: rows * inner, rows: width, width: inner)
    let c = factors.matrix(offset: rows * inner + width * inner, rows: rows, width: width)
    let clock = ContinuousClock()
    let start = clock.now
    var repetitions = 0
    repeat {
      product(a.factor, w.transposed, into: sums.matrix(rows: rows, width: width), team: team)
      product(c.factor, w.factor, into: sums.matrix(rows: rows, width: inner), team: team)
      product(c.transposed, a.factor, into: sums.matrix(rows: width, width: inner), team: team)
      repetitions += 1
    } while start.duration(to: clock.now) < .seconds(seconds)
    let elapsed = start.duration(to: clock.now) / .seconds(1)
    return 6 * Double(rows) * Double(inner) * Double(width) * Double(repetitions) / elapsed
  }
}
