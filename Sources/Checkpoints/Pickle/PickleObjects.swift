/// The values of a pickle, none of which was ever made: classes are two names, calls are a callee and its arguments.
struct PickleObjects {
  /// A value, by its number. Values that a pickle shares are shared here, too.
  typealias Reference = Int32

  enum Node {
    case none
    case bool(Bool)
    case int(Int)
    /// A whole number of more than 64 bits.
    case bigInt(PickleSpan)
    case float(Double)
    case text(PickleSpan)
    case tuple(PickleSpan)
    case list
    case dict
    case global(module: PickleSpan, name: PickleSpan)
    /// What REDUCE and NEWOBJ would have called.
    case call(Reference, arguments: Reference)
    case persistent(Reference)
  }

  var nodes: [Node] = []
  /// Elements of all tuples.
  var tupleElements: [Reference] = []
  /// Elements of lists; keys and values, in turn, of dicts and of objects that were filled like one.
  var items: [Reference: [Reference]] = [:]
  /// What BUILD gave an object.
  var states: [Reference: Reference] = [:]
  /// The pickle's bytes, in which texts lie.
  var bytes: [UInt8] = []
  var root: Reference = 0

  subscript(reference: Reference) -> Node { nodes[Int(reference)] }

  /// No name is longer; a text that many keys share is not copied for each.
  private static let maximumTextBytes = 4096

  private func text(_ span: PickleSpan) -> String? {
    span.count <= Self.maximumTextBytes ? String(validating: bytes[span.range], as: UTF8.self) : nil
  }

  func text(_ reference: Reference) -> String? {
    if case .text(let span) = self[reference] { return text(span) }
    return nil
  }

  func int(_ reference: Reference) -> Int? {
    if case .int(let value) = self[reference] { return value }
    return nil
  }

  /// Elements of a tuple, counted from 0.
  func tuple(_ reference: Reference) -> PickleTuple? {
    if case .tuple(let span) = self[reference] { return PickleTuple(elements: tupleElements[span.range]) }
    return nil
  }

  /// `module.name` of a class or function.
  func global(_ reference: Reference) -> String? {
    guard case .global(let module, let name) = self[reference], let module = text(module),
      let name = text(name)
    else { return nil }
    return "\(module).\(name)"
  }

  /// Callee and arguments of a call of a named function.
  func call(_ reference: Reference) -> (function: String, arguments: PickleTuple)? {
    guard case .call(let function, let arguments) = self[reference], let name = global(function) else {
      return nil
    }
    return (name, tuple(arguments) ?? PickleTuple(elements: []))
  }

  /// Keys and values of a dict or of an object filled like one, e.g. an OrderedDict; nil for anything else.
  func pairs(_ reference: Reference) -> [(key: Reference, value: Reference)]? {
    switch self[reference] {
    case .dict, .call:
      let flat = items[reference] ?? []
      if case .call = self[reference], !isOrderedDict(reference) { return nil }
      return stride(from: 0, to: flat.count - 1, by: 2).map { (flat[$0], flat[$0 + 1]) }
    default: return nil
    }
  }

  private func isOrderedDict(_ reference: Reference) -> Bool {
    guard let (function, _) = call(reference) else { return false }
    return ["collections.OrderedDict", "collections.defaultdict", "builtins.dict"].contains(function)
  }

  /// Keys and values of a dict, or elements of a list.
  func itemCount(_ reference: Reference) -> Int { items[reference]?.count ?? 0 }

  /// The value of a key, the last one where a key occurs twice.
  func value(_ key: String, in reference: Reference) -> Reference? {
    pairs(reference)?.last { text($0.key) == key }?.value
  }

  /// The attributes that BUILD gave an object, e.g. a Namespace.
  func state(_ reference: Reference) -> Reference? { states[reference] }

  /// A plain value as text; nil for what has parts.
  func scalar(_ reference: Reference) -> String? {
    switch self[reference] {
    case .bool(let value): value ? "True" : "False"
    case .int(let value): String(value)
    case .float(let value): String(value)
    case .text(let span): text(span)
    default: nil
    }
  }
}

/// A range that takes half the memory of one.
struct PickleSpan {
  let start: UInt32
  let count: UInt32

  init(_ range: Range<Int>) {
    start = UInt32(range.lowerBound)
    count = UInt32(range.count)
  }

  var range: Range<Int> { Int(start)..<(Int(start) + Int(count)) }
}

/// The elements of a tuple, counted from 0; shares the memory of all tuples.
struct PickleTuple {
  let elements: ArraySlice<PickleObjects.Reference>

  var count: Int { elements.count }
  var first: PickleObjects.Reference? { elements.first }

  subscript(index: Int) -> PickleObjects.Reference { elements[elements.startIndex + index] }
}
