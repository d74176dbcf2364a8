namespace EdgeSdk.Remote;

/// <summary>A file whose content is a bearer token.</summary>
internal static class BearerTokenFile
{
    /// <summary>The token, without the white space around it.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="setting">What named the file: <c>--token-file</c>, a configuration key.</param>
    /// <exception cref="EdgeException">InvalidArgument: the file is missing or empty.</exception>
    public static string Read(string file, string setting)
    {
        if (!File.Exists(file))
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{setting} '{file}' does not exist. Write the token into it.", new FileNotFoundException());

        string token = File.ReadAllText(file).Trim();
        return token.Length > 0 ? token : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{setting} '{file}' is empty. Write the token into it.");
    }
}
