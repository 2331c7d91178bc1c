import Randomness

/// Uniform values in ±bound, each a function of the generator and its position.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func fillUniform<Scalar: KernelScalar>(
  _ row: Row<Scalar>, bound: Double, _ generator: Philox, team: Team
) {
  team.split(row.count, grain: 1 << 12) { range, _ in
    for index in range { row[index] = Scalar((2 * generator.uniform(at: UInt64(index)) - 1) * bound) }
  }
}

/// Normal values with mean 0, each a function of the generator and its position.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func fillNormal<Scalar: KernelScalar>(
  _ row: Row<Scalar>, standardDeviation: Double, _ generator: Philox, team: Team
) {
  team.split(row.count, grain: 1 << 12) { range, _ in
    for index in range { row[index] = Scalar(standardDeviation * generator.normal(at: UInt64(index))) }
  }
}

/// The same value everywhere.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
public func fillConstant<Scalar: KernelScalar>(_ row: Row<Scalar>, _ value: Scalar, team: Team) {
  team.split(row.count, grain: 1 << 14) { range, _ in row.slice(range).fill(value) }
}
