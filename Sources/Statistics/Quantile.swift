/// The number below which a share of some numbers lies, linear between order statistics: definition 7 of Hyndman and Fan
/// (1996), the default of NumPy and R.
///
/// - Precondition: `sorted` ascends and is not empty; `share` lies in [0, 1].
public func quantile(_ share: Double, ofSorted sorted: [Double]) -> Double {
  let position = share * Double(sorted.count - 1)
  let index = Int(position)
  let (low, high) = (sorted[index], sorted[min(index + 1, sorted.count - 1)])
  // Equal ends first: the difference of two infinities is not a number.
  return low == high ? low : low + (high - low) * (position - Double(index))
}

/// The middle number of some in any order, or the mean of the two in the middle; not a number for none.
public func median(_ values: [Double]) -> Double {
  values.isEmpty ? .nan : quantile(0.5, ofSorted: values.sorted())
}
