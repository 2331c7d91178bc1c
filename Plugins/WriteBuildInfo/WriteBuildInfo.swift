import PackagePlugin

/// Has each build write down which commit it is made from (`BuildInfo.commit`).
///
/// A prebuild command, because only those run anew for every build. Reading `Context.gitInformation` in the manifest
/// would be simpler, but SwiftPM caches evaluated manifests by their text alone and then names an old commit.
@main
struct WriteBuildInfo: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let script = context.package.directoryURL.appending(path: "scripts/write-build-info.sh")
    return [
      .prebuildCommand(
        displayName: "Writing down the commit",
        executable: .init(filePath: "/bin/sh"),
        arguments: [
          script.path(percentEncoded: false), context.package.directoryURL.path(percentEncoded: false),
          context.pluginWorkDirectoryURL.path(percentEncoded: false),
        ],
        outputFilesDirectory: context.pluginWorkDirectoryURL)
    ]
  }
}
