import CHDF5

/// A number that datasets and attributes can hold.
public protocol HDF5Element: BitwiseCopyable, Sendable, Equatable {
  /// How the number is stored.
  static var storage: HDF5Number { get }
  /// The number that stands for nothing.
  static var zero: Self { get }
}

/// The number formats of ``HDF5Element``.
public enum HDF5Number: Sendable {
  /// IEEE float64.
  case float64
  /// IEEE float32.
  case float32
  /// 64 bits, signed.
  case int64
  /// 32 bits, signed.
  case int32
  /// 64 bits, unsigned.
  case uint64
  /// 32 bits, unsigned.
  case uint32
  /// 8 bits, unsigned.
  case uint8

  /// The library's predefined type, which nobody closes.
  var id: hid_t {
    switch self {
    case .float64: chdf5_native_double()
    case .float32: chdf5_native_float()
    case .int64: chdf5_native_int64()
    case .int32: chdf5_native_int32()
    case .uint64: chdf5_native_uint64()
    case .uint32: chdf5_native_uint32()
    case .uint8: chdf5_native_uint8()
    }
  }

  /// The class that a stored type must have to be read as this number without loss.
  public var elementClass: DatasetDescription.ElementClass {
    switch self {
    case .float64: .float(bytes: 8)
    case .float32: .float(bytes: 4)
    case .int64: .integer(bytes: 8, signed: true)
    case .int32: .integer(bytes: 4, signed: true)
    case .uint64: .integer(bytes: 8, signed: false)
    case .uint32: .integer(bytes: 4, signed: false)
    case .uint8: .integer(bytes: 1, signed: false)
    }
  }
}

extension Double: HDF5Element {
  /// float64.
  public static var storage: HDF5Number { .float64 }
}

extension Float: HDF5Element {
  /// float32.
  public static var storage: HDF5Number { .float32 }
}

extension Int64: HDF5Element {
  /// int64.
  public static var storage: HDF5Number { .int64 }
}

extension Int32: HDF5Element {
  /// int32.
  public static var storage: HDF5Number { .int32 }
}

extension UInt64: HDF5Element {
  /// uint64.
  public static var storage: HDF5Number { .uint64 }
}

extension UInt32: HDF5Element {
  /// uint32.
  public static var storage: HDF5Number { .uint32 }
}

extension UInt8: HDF5Element {
  /// uint8.
  public static var storage: HDF5Number { .uint8 }
}
