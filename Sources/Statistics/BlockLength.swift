import RealModule

/// The block length of a block bootstrap, chosen from the autocorrelation of the series.
package enum BlockLength {
  /// The length that minimizes the mean squared error of the bootstrap's variance of the mean.
  ///
  /// `b = (2 G² / D)^⅓ n^⅓` with flat-top lag windows, at least 1 and at most ⌈min(3√n, n/3)⌉. Politis and White,
  /// "Automatic block-length selection for the dependent bootstrap" (2004), as corrected by Patton, Politis and White (2009).
  package static func optimal(for series: [Double]) -> Int {
    let count = series.count
    guard count >= 3 else { return 1 }
    let size = Double(count)
    let longest = Int(min(3 * size.squareRoot(), size / 3).rounded(.up))
    let window = max(5, Int(Double.log10(size).rounded(.up)))
    let lagCount = min(count - 1, Int(size.squareRoot().rounded(.up)) + window)
    let covariances = autocovariances(of: series, lags: lagCount)
    guard covariances[0] > 0 else { return 1 }
    let bandwidth = min(2 * lastCorrelatedLag(covariances, count: count, window: window), lagCount)
    var (slope, density) = (0.0, covariances[0])
    for lag in stride(from: 1, through: bandwidth, by: 1) {
      let position = Double(lag) / Double(bandwidth)
      let weight = position <= 0.5 ? 1 : 2 * (1 - position)
      slope += 2 * weight * Double(lag) * covariances[lag]
      density += 2 * weight * covariances[lag]
    }
    let length = Double.pow(10, Double.log10(1.5 * slope * slope / (density * density) * size) / 3)
    return length.isFinite ? max(1, min(longest, Int(length.rounded(.up)))) : longest
  }

  /// The optimal length, or the thousandth part of a long series: longer blocks cost precision only where few are left,
  /// and a thousand of them already settle an interval's ends far better than 2000 resamples show.
  package static func atLeast(_ optimal: Int, of count: Int) -> Int { max(optimal, (count + 999) / 1000) }

  /// Σ (x_t - x̄)(x_{t+k} - x̄) / n for k = 0 ... lags.
  package static func autocovariances(of series: [Double], lags: Int) -> [Double] {
    let mean = series.reduce(0, +) / Double(series.count)
    let centred = series.map { $0 - mean }
    return (0...lags).map { lag in
      // Eight sums side by side: one alone waits for each of its additions.
      var sums = SIMD8<Double>.zero
      let (count, width) = (centred.count - lag, SIMD8<Double>.scalarCount)
      for start in stride(from: 0, to: count - width + 1, by: width) {
        let now = SIMD8<Double>(centred[start..<start + width])
        let later = SIMD8<Double>(centred[start + lag..<start + lag + width])
        sums += now * later
      }
      var sum = sums.sum()
      for index in count / width * width..<count { sum += centred[index] * centred[index + lag] }
      return sum / Double(centred.count)
    }
  }

  /// The smallest lag after which `window` autocorrelations in a row are insignificant; the largest significant one
  /// where there is no such lag. At least 1.
  private static func lastCorrelatedLag(_ covariances: [Double], count: Int, window: Int) -> Int {
    let bound = 2 * (Double.log10(Double(count)) / Double(count)).squareRoot()
    let significant = covariances.map { abs($0 / covariances[0]) >= bound }
    for lag in stride(from: 0, through: covariances.count - 1 - window, by: 1)
    where !significant[(lag + 1)...(lag + window)].contains(true) {
      return max(1, lag)
    }
    return max(1, significant.lastIndex(of: true) ?? 1)
  }
}
