namespace EdgeSdk.Cli;

/// <summary>A file whose content is a bearer token.</summary>
internal static class BearerTokenFile
{
    /// <summary>The token, without the white space around it.</summary>
    /// <exception cref="EdgeException">InvalidArgument: the file is missing or empty.</exception>
    public static string Read(string file)
    {
        if (!File.Exists(file))
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--token-file '{file}' does not exist. Write the token into it.");
        }

        string token = File.ReadAllText(file).Trim();
        return token.Length > 0 ? token : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--token-file '{file}' is empty. Write the token into it.");
    }
}
