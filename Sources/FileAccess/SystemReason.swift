import Foundation

/// What the system says of a failure of Foundation's, in its own words: `Permission denied`.
public func systemReason(of error: any Error) -> String {
  let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
  return underlying.domain == NSPOSIXErrorDomain
    ? unsafe String(cString: strerror(Int32(underlying.code))) : error.localizedDescription
}
