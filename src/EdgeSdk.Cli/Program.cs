return await EdgeSdk.Cli.CommandLine.RunAsync(args).ConfigureAwait(false);
