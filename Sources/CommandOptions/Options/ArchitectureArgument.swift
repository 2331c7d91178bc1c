import Architecture
import ArgumentParser
import Experiments
import RunData

extension ArchitectureChoice: ExpressibleByArgument {
  /// Takes any word, as ``init(setting:)`` does.
  public init?(argument: String) { self.init(setting: argument) }

  /// The presets' names, and a file's.
  public static var allValueStrings: [String] { settingChoices }
  /// The word.
  public var defaultValueDescription: String { word }
}

extension ModelSize: ExpressibleByArgument {}

/// A comma-separated list on the command line, e.g. `post-ln,pre-ln`.
package struct List<Element: ExpressibleByArgument>: ExpressibleByArgument {
  package let elements: [Element]

  package init(_ elements: [Element]) { self.elements = elements }

  package init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let elements = parts.compactMap {
      Element(argument: String($0.trimmingPrefix { $0 == " " }))
    }
    guard !elements.isEmpty, elements.count == parts.count else { return nil }
    self.elements = elements
  }

  /// The names that an element can have, for help and for the message that names a wrong one.
  package static var allValueStrings: [String] { Element.allValueStrings }

  package var defaultValueDescription: String {
    elements.map(\.defaultValueDescription).joined(separator: ",")
  }
}

extension List: Sendable where Element: Sendable {}

// The model's own choices as command-line values.
extension HeadScalePlacement: ExpressibleByArgument {}
extension ResidualScaling: ExpressibleByArgument {}
extension Activation: ExpressibleByArgument {}
extension Initialization: ExpressibleByArgument {}
extension Objective: ExpressibleByArgument {}
extension NormKind: ExpressibleByArgument {}
extension GradientStatistic: ExpressibleByArgument {}
