/// What this program was built from. The values are written by `scripts/write-build-info.sh` during each build.
public enum BuildInfo {
  /// The commit, as 40 hexadecimal digits; nil when the sources were not a Git checkout.
  public static var commit: String? { recordedCommit == "unknown" ? nil : recordedCommit }

  /// Whether tracked files differed from that commit.
  public static var hasUncommittedChanges: Bool { recordedChanges }

  /// For `--version`: the first twelve digits of the commit, with `+changes` where files were edited since, or
  /// `unknown commit`.
  public static var summary: String {
    guard let commit else { return "unknown commit" }
    return "commit \(commit.prefix(12))\(hasUncommittedChanges ? "+changes" : "")"
  }
}
