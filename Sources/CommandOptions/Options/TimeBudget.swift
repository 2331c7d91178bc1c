import ArgumentParser

/// A stretch of time as a person writes it: `90s`, `30min`, `2h`, `1.5h`.
package struct TimeBudget: ExpressibleByArgument, Equatable {
  package let seconds: Double

  package init?(argument: String) {
    let units = [("min", 60.0), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]
    guard let (unit, factor) = units.first(where: { argument.hasSuffix($0.0) }),
      let number = Double(argument.dropLast(unit.count)), number > 0, number * factor < 1e9
    else { return nil }
    seconds = number * factor
  }
}
