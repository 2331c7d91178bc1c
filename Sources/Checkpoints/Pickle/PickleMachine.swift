/// Which pickles a ``PickleMachine`` reads: what wrote them, and so what they may hold.
enum PickleDialect {
  /// What `torch.save` writes: protocol 2.
  case torchSave
  /// The `.metadata` of `torch.distributed.checkpoint`: protocol 4, a line for each part of each tensor.
  case metadata

  var version: UInt8 { self == .torchSave ? 2 : 4 }
  var writer: String { self == .torchSave ? "torch.save" : "torch.distributed.checkpoint" }
  /// How many times as many values as of `torch.save` there may be.
  var factor: Int { self == .torchSave ? 1 : 8 }
}

/// Reads one pickle as a tree of inert values.
///
/// Only the opcodes are known that PyTorch emits, as its own restricted reader allows; nothing is imported, called or built. Every opcode moves forward, and nodes, stack, memo and children are bounded.
struct PickleMachine {
  private var input: PickleInput
  private var objects = PickleObjects()
  private var stack: [PickleObjects.Reference] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleObjects.Reference] = [:]
  private var childCount = 0
  private var isDone = false

  static let maximumNodeCount = 2_000_000
  static let maximumChildCount = 4_000_000
  static let maximumStackDepth = 1_000_000
  static let maximumMarkDepth = 1000
  static let maximumMemoCount = 1_000_000

  private let dialect: PickleDialect

  private init(_ input: PickleInput, _ dialect: PickleDialect) {
    self.input = input
    self.dialect = dialect
  }

  /// Reads a pickle and leaves `input` behind it.
  static func objects(
    from input: inout PickleInput, _ dialect: PickleDialect = .torchSave
  ) throws -> PickleObjects {
    var machine = PickleMachine(input, dialect)
    while !machine.isDone { try machine.step() }
    input = machine.input
    machine.objects.bytes = input.bytes
    return machine.objects
  }

  private mutating func step() throws {
    let opcode = try input.byte()
    switch opcode {
    case 0x80: try checkProtocol()
    case UInt8(ascii: "."): try stop()
    case UInt8(ascii: "("): try mark()
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: "K"): try push(.int(Int(try input.number(1))))
    case UInt8(ascii: "M"): try push(.int(Int(try input.number(2))))
    case UInt8(ascii: "J"): try push(.int(Int(Int32(truncatingIfNeeded: try input.number(4)))))
    case 0x8A: try pushLong()
    case UInt8(ascii: "G"): try push(.float(Double(bitPattern: try input.number(8).byteSwapped)))
    case UInt8(ascii: "X"): try push(.text(PickleSpan(try input.take(Int(try input.number(4))))))
    case UInt8(ascii: "U"): try push(.text(PickleSpan(try input.take(Int(try input.number(1))))))
    case UInt8(ascii: "c"):
      let module = PickleSpan(try input.line(atMost: 1024))
      try push(.global(module: module, name: PickleSpan(try input.line(atMost: 1024))))
    case UInt8(ascii: "q"): try memoize(Int(try input.number(1)))
    case UInt8(ascii: "r"): try memoize(Int(try input.number(4)))
    case UInt8(ascii: "h"): try recall(Int(try input.number(1)))
    case UInt8(ascii: "j"): try recall(Int(try input.number(4)))
    case UInt8(ascii: ")"): try pushTuple([])
    case 0x85...0x87: try pushTuple(try pop(Int(opcode) - 0x84))
    case UInt8(ascii: "t"): try pushTuple(try popToMark())
    case UInt8(ascii: "]"), 0x8F: try push(.list)
    case UInt8(ascii: "}"): try push(.dict)
    case UInt8(ascii: "a"): try append(try pop(1))
    case UInt8(ascii: "e"): try append(try popToMark())
    case UInt8(ascii: "s"): try setItems(try pop(2))
    case UInt8(ascii: "u"): try setItems(try popToMark())
    case UInt8(ascii: "R"), 0x81:
      let call = try pop(2)
      try push(.call(call[0], arguments: call[1]))
    case UInt8(ascii: "b"): try build()
    case UInt8(ascii: "Q"): try push(.persistent(try pop(1)[0]))
    default:
      guard dialect == .metadata else {
        throw input.error(
          "opcode 0x\(String(opcode, radix: 16)), which torch.save does not write with its default protocol")
      }
      try stepOfProtocol4(opcode)
    }
  }

  /// What protocol 4 has beyond protocol 2.
  private mutating func stepOfProtocol4(_ opcode: UInt8) throws {
    switch opcode {
    // A frame says how many bytes may be read at once; they are read as they come.
    case 0x95: _ = try input.take(8)
    case 0x8C: try push(.text(PickleSpan(try input.take(Int(try input.number(1))))))
    case 0x94: try memoize(memo.count)
    case 0x93:
      let names = try pop(2)
      guard case .text(let module) = objects[names[0]], case .text(let name) = objects[names[1]] else {
        throw input.error("names a class by what is no text")
      }
      try push(.global(module: module, name: name))
    case 0x90: try append(try popToMark())
    default:
      throw input.error(
        "opcode 0x\(String(opcode, radix: 16)), which \(dialect.writer) does not write")
    }
  }

  private mutating func checkProtocol() throws {
    let version = try input.byte()
    guard version == dialect.version else {
      let unless = dialect == .torchSave ? " unless told otherwise" : ""
      throw input.error("pickle protocol \(version); \(dialect.writer) writes \(dialect.version)\(unless)")
    }
  }

  private mutating func stop() throws {
    guard stack.count == 1, marks.isEmpty else { throw input.error("ends with \(stack.count) values") }
    objects.root = stack[0]
    isDone = true
  }

  private mutating func mark() throws {
    guard marks.count < Self.maximumMarkDepth else {
      throw input.error("values nested deeper than \(Self.maximumMarkDepth)")
    }
    marks.append(stack.count)
  }

  private mutating func push(_ node: PickleObjects.Node) throws {
    guard objects.nodes.count < dialect.factor * Self.maximumNodeCount else {
      throw input.error("more than \(dialect.factor * Self.maximumNodeCount) values")
    }
    objects.nodes.append(node)
    try push(PickleObjects.Reference(objects.nodes.count - 1))
  }

  private mutating func push(_ reference: PickleObjects.Reference) throws {
    guard stack.count < Self.maximumStackDepth else { throw input.error("too many values on the stack") }
    stack.append(reference)
  }

  private mutating func pushLong() throws {
    let bytes = try input.take(Int(try input.number(1)))
    guard bytes.count <= 8 else { return try push(.bigInt(PickleSpan(bytes))) }
    guard !bytes.isEmpty else { return try push(.int(0)) }
    let value = Int64(bitPattern: input.bytes.littleEndian(at: bytes.lowerBound, count: bytes.count))
    // Two's complement of as many bytes: the highest bit fills the rest.
    let unused = 64 - 8 * bytes.count
    try push(.int(Int((value << unused) >> unused)))
  }

  private mutating func pushTuple(_ elements: [PickleObjects.Reference]) throws {
    try count(elements)
    let start = objects.tupleElements.count
    objects.tupleElements += elements
    try push(.tuple(PickleSpan(start..<objects.tupleElements.count)))
  }

  private mutating func count(_ children: [PickleObjects.Reference]) throws {
    childCount += children.count
    guard childCount <= dialect.factor * Self.maximumChildCount else {
      throw input.error("more than \(dialect.factor * Self.maximumChildCount) elements")
    }
  }

  private var floor: Int { marks.last ?? 0 }

  private mutating func pop(_ count: Int) throws -> [PickleObjects.Reference] {
    guard stack.count - floor >= count else { throw input.error("takes values that are not there") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws -> [PickleObjects.Reference] {
    guard let mark = marks.popLast() else { throw input.error("takes values that are not there") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private func top() throws -> PickleObjects.Reference {
    guard stack.count > floor, let top = stack.last else {
      throw input.error("takes values that are not there")
    }
    return top
  }

  private mutating func memoize(_ index: Int) throws {
    memo[index] = try top()
    guard memo.count <= dialect.factor * Self.maximumMemoCount else {
      throw input.error("remembers more than \(dialect.factor * Self.maximumMemoCount) values")
    }
  }

  private mutating func recall(_ index: Int) throws {
    guard let reference = memo[index] else {
      throw input.error("recalls value \(index), which it never named")
    }
    try push(reference)
  }

  private mutating func append(_ elements: [PickleObjects.Reference]) throws {
    let target = try top()
    switch objects[target] {
    case .list, .call: break
    default: throw input.error("appends to what is no list")
    }
    try count(elements)
    objects.items[target, default: []] += elements
  }

  private mutating func setItems(_ elements: [PickleObjects.Reference]) throws {
    let target = try top()
    switch objects[target] {
    case .dict, .call: break
    default: throw input.error("sets items of what is no dict")
    }
    guard elements.count.isMultiple(of: 2) else { throw input.error("sets a key without a value") }
    try count(elements)
    objects.items[target, default: []] += elements
  }

  private mutating func build() throws {
    let state = try pop(1)[0]
    let target = try top()
    switch objects[target] {
    case .call, .dict, .list: objects.states[target] = state
    default: throw input.error("gives a state to what is no object")
    }
  }
}
