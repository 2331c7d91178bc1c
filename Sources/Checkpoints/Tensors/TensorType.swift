/// Element types, by their names in safetensors files.
public enum TensorType: String, Sendable, CaseIterable {
  /// One byte, 0 or 1.
  case bool = "BOOL"
  /// Float of 4 bits, two in a byte.
  case f4 = "F4"
  /// Float of 6 bits: exponent 2, mantissa 3; packed.
  case f6E2M3 = "F6_E2M3"
  /// Float of 6 bits: exponent 3, mantissa 2; packed.
  case f6E3M2 = "F6_E3M2"
  /// Unsigned integer of 8 bits.
  case u8 = "U8"
  /// Signed integer of 8 bits.
  case i8 = "I8"
  /// Float of 8 bits: exponent 5, mantissa 2.
  case f8E5M2 = "F8_E5M2"
  /// Float of 8 bits: exponent 4, mantissa 3.
  case f8E4M3 = "F8_E4M3"
  /// Power of two, its exponent in 8 bits.
  case f8E8M0 = "F8_E8M0"
  /// As `f8E4M3`, without infinities and negative zero.
  case f8E4M3FNUZ = "F8_E4M3FNUZ"
  /// As `f8E5M2`, without infinities and negative zero.
  case f8E5M2FNUZ = "F8_E5M2FNUZ"
  /// Signed integer of 16 bits.
  case i16 = "I16"
  /// Unsigned integer of 16 bits.
  case u16 = "U16"
  /// IEEE half precision.
  case f16 = "F16"
  /// The upper half of an IEEE single-precision float.
  case bf16 = "BF16"
  /// Signed integer of 32 bits.
  case i32 = "I32"
  /// Unsigned integer of 32 bits.
  case u32 = "U32"
  /// IEEE single precision.
  case f32 = "F32"
  /// Two single-precision floats, real and imaginary part.
  case c64 = "C64"
  /// IEEE double precision.
  case f64 = "F64"
  /// Signed integer of 64 bits.
  case i64 = "I64"
  /// Unsigned integer of 64 bits.
  case u64 = "U64"

  /// Width of an element.
  public var bitCount: Int {
    switch self {
    case .f4: 4
    case .f6E2M3, .f6E3M2: 6
    case .bool, .u8, .i8, .f8E5M2, .f8E4M3, .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    }
  }

  /// Whether ``Checkpoint`` reads the elements as numbers.
  public var isReadable: Bool {
    [.f64, .f32, .f16, .bf16, .f8E4M3, .f8E5M2, .f8E8M0].contains(self)
  }

  /// Whether it is a float of 8 bits with sign and fraction, which in most files has scales beside it.
  var isFloat8: Bool { [.f8E4M3, .f8E5M2].contains(self) }
}
