import Checksums
import HDF5
import RunData

/// Writes the smallest and largest values of each stretch of steps to a thinned file.
struct StretchExtremes {
  let table: TableReader
  let schema: RunSchema
  let file: HDF5File

  /// Fills every `smallest_...` and `largest_...` variable, and their checksum.
  func write(_ stretches: [Range<Int>]) throws {
    let columns = schema.steps.columns.filter { $0.name.hasPrefix(RunSchema.smallestPrefix) }
    guard let checksum = columns.first?.checksum, !stretches.isEmpty else { return }
    var crcs = stretches.map { stretch in
      var crc = CRC32C()
      crc.update([Int64(table.keys[stretch.lowerBound])])
      return crc
    }
    for column in columns {
      let name = String(column.name.dropFirst(RunSchema.smallestPrefix.count))
      try write(name, width: schema.width(column), shape: schema.rowShape(column), stretches, &crcs)
    }
    let values = crcs.map(\.value)
    let dataset = try file.dataset(schema.steps.checksums[checksum].name)
    try dataset.setShape([values.count])
    try dataset.write(values, start: [0], count: [values.count])
  }

  private func write(
    _ name: String, width: Int, shape: [Int], _ stretches: [Range<Int>], _ crcs: inout [CRC32C]
  ) throws {
    guard let column = table.column(name) else { return }
    let outputs = try [RunSchema.smallestPrefix, RunSchema.largestPrefix].map { try file.dataset($0 + name) }
    for output in outputs { try output.setShape([stretches.count] + shape) }
    let isCount = schema.steps.columns.first { $0.name == name }?.number == .uint32
    // As many stretches at once as keep what waits small.
    let batch = max(1, (1 << 20) / (8 * width))
    for first in stride(from: 0, to: stretches.count, by: batch) {
      let part = first..<min(first + batch, stretches.count)
      var smallest: [Double] = []
      var largest: [Double] = []
      for index in part {
        let (low, high) = try extremes(of: column, in: stretches[index], width: width, isCount: isCount)
        crcs[index].update(low)
        crcs[index].update(high)
        smallest += low
        largest += high
      }
      for (output, values) in zip(outputs, [smallest, largest]) {
        try output.write(
          values, start: [part.lowerBound] + shape.map { _ in 0 }, count: [part.count] + shape)
      }
    }
  }

  /// Not a number only where every value of the stretch is, or is missing.
  private func extremes(
    of column: any ColumnReader, in rows: Range<Int>, width: Int, isCount: Bool
  ) throws -> (smallest: [Double], largest: [Double]) {
    var smallest = [Double](repeating: .nan, count: width)
    var largest = smallest
    let missing = Double(TensorSums.missingCount)
    for start in stride(from: rows.lowerBound, to: rows.upperBound, by: table.blockRows) {
      let block = start..<min(start + table.blockRows, rows.upperBound)
      try column.load(block)
      let values = column.reals
      for index in values.indices where !(isCount && values[index] == missing) {
        // These give the number where the other is none.
        smallest[index % width] = Double.minimum(smallest[index % width], values[index])
        largest[index % width] = Double.maximum(largest[index % width], values[index])
      }
    }
    return (smallest, largest)
  }
}
