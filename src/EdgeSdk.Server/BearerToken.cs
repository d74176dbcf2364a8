using System.Security.Cryptography;
using System.Text;
using Grpc.Core;

namespace EdgeSdk.Server;

/// <summary>Lets calls in that show the server's token; all of them where it has none.</summary>
internal sealed class BearerToken(string? token)
{
    private const string Scheme = "Bearer ";

    // Hashes have one length, so that the comparison takes one time, whatever is shown.
    private readonly byte[]? _expected = token is null ? null : Hash(token);

    /// <exception cref="RpcException">UNAUTHENTICATED: no token, or a wrong one.</exception>
    public void Authorize(ServerCallContext call)
    {
        if (_expected is null)
            return;

        string? shown = call.RequestHeaders.GetValue("authorization");
        if (shown is null || !shown.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw Refusal.Unauthenticated("The call carries no token. Send the header authorization: Bearer <token>.");

        if (!CryptographicOperations.FixedTimeEquals(_expected, Hash(shown[Scheme.Length..])))
            throw Refusal.Unauthenticated("The call's token is not this server's. Ask its operator for the token.");
    }

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
