import CHDF5

/// Something that carries attributes: a file (its root group) or a dataset.
public protocol HDF5AttributeOwner: AnyObject {
  /// How errors name it.
  var attributeOwnerName: String { get }
  /// Its identifier in the library.
  var attributeOwnerID: Int64 { get }
}

extension HDF5File: HDF5AttributeOwner {
  /// The file's path.
  public var attributeOwnerName: String { path }
  /// The file's identifier.
  public var attributeOwnerID: Int64 { id }
}

extension HDF5Dataset: HDF5AttributeOwner {
  /// The dataset's name.
  public var attributeOwnerName: String { name }
  /// The dataset's identifier.
  public var attributeOwnerID: Int64 { id }
}

extension HDF5AttributeOwner {
  /// Creates an attribute that holds one string.
  public func setAttribute(_ name: String, _ text: String) throws {
    let doing = "writing attribute \(name) of \(attributeOwnerName)"
    let type = try textType(doing)
    try create(name, type: type.id, shape: .fixed([]), doing) { attribute in
      try unsafe withCStrings([text]) { pointers in
        _ = try check(doing) { unsafe H5Awrite(attribute, type.id, pointers) }
      }
    }
  }

  /// Creates an attribute that holds one number.
  public func setAttribute<Element: HDF5Element>(_ name: String, _ value: Element) throws {
    let doing = "writing attribute \(name) of \(attributeOwnerName)"
    try create(name, type: Element.storage.id, shape: .fixed([]), doing) { attribute in
      try check(doing) { unsafe H5Awrite(attribute, Element.storage.id, [value]) }
    }
  }

  /// Creates an attribute that holds a list of numbers.
  public func setAttribute<Element: HDF5Element>(_ name: String, _ values: [Element]) throws {
    let doing = "writing attribute \(name) of \(attributeOwnerName)"
    try create(name, type: Element.storage.id, shape: .fixed([values.count]), doing) { attribute in
      try check(doing) { unsafe H5Awrite(attribute, Element.storage.id, values) }
    }
  }

  /// Whether there is an attribute of this name.
  public func hasAttribute(_ name: String) throws -> Bool {
    try check("looking for attribute \(name) of \(attributeOwnerName)") {
      unsafe H5Aexists(attributeOwnerID, name)
    } > 0
  }

  /// The text of an attribute that holds one string.
  ///
  /// - Parameter limit: the longest string in bytes that is accepted.
  public func text(ofAttribute name: String, limit: Int = 1 << 24) throws -> String {
    let doing = "reading attribute \(name) of \(attributeOwnerName)"
    return try open(name, doing) { attribute, elementClass in
      guard elementClass == .variableText else {
        throw HDF5Error(action: doing, reasons: ["it does not hold text"])
      }
      let type = try textType(doing)
      var pointers: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
      try check(doing) { unsafe H5Aread(attribute, type.id, &pointers) }
      return unsafe try takeStrings(pointers, doing: doing, limit: limit).joined()
    }
  }

  /// The number in an attribute that holds one; it must have just this format.
  public func number<Element: HDF5Element>(ofAttribute name: String, _ type: Element.Type) throws -> Element {
    let doing = "reading attribute \(name) of \(attributeOwnerName)"
    return try open(name, doing) { attribute, elementClass in
      guard elementClass == Element.storage.elementClass else {
        throw HDF5Error(action: doing, reasons: ["it does not hold a number of type \(Element.self)"])
      }
      var value = Element.zero
      try check(doing) { unsafe H5Aread(attribute, Element.storage.id, &value) }
      return value
    }
  }

  private func create(
    _ name: String, type: hid_t, shape: DatasetShape, _ doing: String, fill: (hid_t) throws -> Void
  ) throws {
    let space = try shape.space(doing)
    let attribute = try Identifier(doing) {
      unsafe H5Acreate2(attributeOwnerID, name, type, space.id, defaultProperties, defaultProperties)
    }
    try fill(attribute.id)
  }

  /// Opens an attribute of exactly one element.
  private func open<Result>(
    _ name: String, _ doing: String, _ body: (hid_t, DatasetDescription.ElementClass) throws -> Result
  ) throws -> Result {
    let attribute = try Identifier(doing) { unsafe H5Aopen(attributeOwnerID, name, defaultProperties) }
    let space = try Identifier(doing) { H5Aget_space(attribute.id) }
    guard try check(doing, { H5Sget_simple_extent_npoints(space.id) }) == 1 else {
      throw HDF5Error(action: doing, reasons: ["it does not hold exactly one value"])
    }
    let type = try Identifier(doing) { H5Aget_type(attribute.id) }
    return try body(attribute.id, try elementClass(of: type.id, doing))
  }
}
