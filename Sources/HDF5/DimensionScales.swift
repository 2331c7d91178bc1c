import CHDF5

extension HDF5Dataset {
  /// Makes this dataset of one dimension the coordinate that names a dimension after itself, as netCDF does.
  ///
  /// The corresponding C function is `H5DSset_scale`.
  public func makeDimensionScale() throws {
    try check("making \(name) a dimension scale") { unsafe H5DSset_scale(id, name) }
  }

  /// Names this dataset's dimensions by their scales, in order.
  ///
  /// The corresponding C function is `H5DSattach_scale`.
  public func attach(scales: [HDF5Dataset]) throws {
    for (dimension, scale) in scales.enumerated() {
      try check("attaching \(scale.name) to \(name)") { H5DSattach_scale(id, scale.id, UInt32(dimension)) }
    }
  }
}
