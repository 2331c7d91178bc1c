import Architecture
import Kernels
import Randomness
import Testing
import Transformer

/// Holds every tensor's gradient, as `loss` leaves it, against differences of the loss at some elements.
///
/// - Parameters:
///   - picks: elements of each tensor.
///   - floor: what the rounding of two losses over 2h is at most, beside 1e-6 of the tensor's largest gradient.
///   - loss: computes the gradients, and returns the loss that they are of.
func expectCentralDifferences(of model: Model<Double>, picks: Int, floor: Double, loss: () -> Double) {
  _ = loss()
  let gradients = model.table.parameters.indices.map { model.gradient($0).array() }
  let generator = Philox(seed: 9, stream: "picks")
  for (index, parameter) in model.table.parameters.enumerated() {
    let row = model.parameter(index)
    let largest = gradients[index].map(\.magnitude).max() ?? 0
    for pick in 0..<picks {
      let element = generator.integer(below: row.count, at: UInt64(index * 8 + pick))
      let value = row[element]
      // Truncation h² and rounding ε/h are both near 1e-10 of a gradient of order 1e-2.
      let h = 1e-5
      row[element] = value + h
      let above = loss()
      row[element] = value - h
      let below = loss()
      row[element] = value
      let difference = (above - below) / (2 * h)
      #expect(
        abs(difference - gradients[index][element]) <= 1e-6 * largest + floor,
        "\(parameter.fullName)[\(element)]: \(gradients[index][element]), by differences \(difference)")
    }
  }
}
