/// The number below which a share of some numbers lies, linear between order statistics: definition 7 of Hyndman and Fan
/// (1996), the default of NumPy and R.
///
/// - Precondition: `sorted` ascends and is not empty; `share` lies in [0, 1].
func quantile(_ share: Double, ofSorted sorted: [Double]) -> Double {
  let position = share * Double(sorted.count - 1)
  let index = Int(position)
  let (low, high) = (sorted[index], sorted[min(index + 1, sorted.count - 1)])
  // Equal ends first: the difference of two infinities is not a number.
  return low == high ? low : low + (high - low) * (position - Double(index))
}
