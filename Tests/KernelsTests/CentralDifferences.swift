import Kernels
import Testing

/// A deterministic buffer of numbers in [-1, 1] that repeat late.
func wave(_ count: Int, _ factor: Int, scale: Double = 1) -> [Double] {
  (0..<count).map { (index: Int) -> Double in Double((index * factor + 31) % 199 - 99) / 99 * scale }
}

func buffer(_ values: [Double]) -> Buffer<Double> {
  let buffer = Buffer<Double>(count: values.count)
  buffer.row.assign(values)
  return buffer
}

func dot(_ a: Row<Double>, _ b: Row<Double>) -> Double {
  (0..<a.count).reduce(0) { $0 + a[$1] * b[$1] }
}

/// Compares a gradient with central differences of a scalar function of the same memory.
///
/// The step of 1e-5 leaves a truncation error near 1e-10 of third derivatives of order 1, and rounding near 1e-11; with
/// functions of up to some hundred terms 1e-7 of the largest gradient holds both.
func expectGradient(
  _ gradient: [Double], of values: Buffer<Double>, _ name: String, tolerance: Double = 1e-7,
  function: () -> Double
) {
  let largest = max(gradient.map(\.magnitude).max() ?? 0, 1e-3)
  for index in gradient.indices {
    let kept = values.row[index]
    values.row[index] = kept + 1e-5
    let above = function()
    values.row[index] = kept - 1e-5
    let below = function()
    values.row[index] = kept
    let difference = (above - below) / 2e-5
    #expect(
      abs(difference - gradient[index]) <= tolerance * largest,
      "\(name)[\(index)]: \(gradient[index]) against \(difference)")
  }
}
