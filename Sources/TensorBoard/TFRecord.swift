import Checksums

/// The framing of TensorFlow's record files: length, checksum of the length, data, checksum of the data.
///
/// Format: `tensorflow/core/lib/io/record_writer.h`.
public enum TFRecord {
  /// Appends one record to a file's bytes.
  public static func append(_ data: [UInt8], to file: inout [UInt8]) {
    var length: [UInt8] = []
    length.appendLittleEndian(UInt64(data.count))
    file += length
    file.appendLittleEndian(maskedChecksum(length))
    file += data
    file.appendLittleEndian(maskedChecksum(data))
  }

  /// CRC-32C, rotated by 15 bits and shifted by a constant, so that the checksum of data that hold checksums stays good.
  static func maskedChecksum(_ data: [UInt8]) -> UInt32 {
    var crc = CRC32C()
    crc.update(data)
    return (crc.value >> 15 | crc.value << 17) &+ 0xA282_EAD8
  }
}
