using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSdk.Protocol;
using EdgeSdk.Sampling;
using EdgeSdk.Server;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace EdgeSdk.Tests.Server;

public sealed class AccessTests
{
    private static readonly int[] Prompt = [5, 9, 17, 33];

    private static Task<EdgeServer> StartAsync(string? token, string urls = "http://127.0.0.1:0", X509Certificate2? certificate = null) =>
        EdgeServer.StartAsync(ServedModel.Create(), new() { Urls = urls, Token = token, Certificate = certificate });

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer ")]
    [InlineData("Basic secret")]
    [InlineData("secret")]
    public async Task A_call_without_the_token_is_refused(string? shown)
    {
        await using var server = await StartAsync("secret");
        await using var stream = new DeviceStream(server.Address, shown);
        using var channel = GrpcChannel.ForAddress(server.Address);

        var generate = await stream.ReadFailureAsync();
        var describe = await Assert.ThrowsAsync<RpcException>(
            async () => await new Edge.EdgeClient(channel).DescribeAsync(
                new() { Version = 1 }, DeviceStream.Headers(shown), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal((StatusCode.Unauthenticated, StatusCode.Unauthenticated), (generate.StatusCode, describe.StatusCode));
        Assert.DoesNotContain("secret", generate.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_with_the_token_is_served()
    {
        await using var server = await StartAsync("secret");

        var text = await DeviceStream.DecodeAsync(server.Address, DeviceStream.OpenFor(Prompt, 5), "Bearer secret");

        Assert.Equal(await ServedModel.AloneAsync(Prompt, 5, SamplerSpec.Greedy, ignoreEnd: true), text.Tokens);
    }

    [Theory]
    [InlineData("http://0.0.0.0:0", null, "no token")]
    [InlineData("http://[::]:0", null, "no token")]
    [InlineData("http://127.0.0.1:0;http://0.0.0.0:0", null, "no token")]
    [InlineData("http://0.0.0.0:0", "secret", "clear text")]
    [InlineData("https://127.0.0.1:0", null, "Certificate")]
    [InlineData("http://somewhere.example:0", null, "a name")]
    [InlineData("127.0.0.1:5005", null, "no address")]
    [InlineData("ftp://127.0.0.1:5005", null, "no address")]
    [InlineData("", null, "is empty")]
    public async Task A_server_refuses_to_listen_where_it_must_not(string urls, string? token, string reason)
    {
        var refused = await Assert.ThrowsAsync<EdgeException>(() => StartAsync(token, urls));

        Assert.Equal(EdgeErrorCode.InvalidArgument, refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said()
    {
        await using var first = await StartAsync(null);

        var refused = await Assert.ThrowsAsync<EdgeException>(() => StartAsync(null, first.Address.ToString()));

        Assert.Contains($":{first.Address.Port}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_out_of_range_is_named()
    {
        var refused = await Assert.ThrowsAsync<EdgeException>(
            () => EdgeServer.StartAsync(
                ServedModel.Create(), new() { Limits = new() { Streams = 0 } }, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("Streams is 0", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_tls_other_machines_may_come_with_the_token()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var server = await StartAsync("secret", "https://0.0.0.0:0", certificate);
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString();
        using var channel = GrpcChannel.ForAddress($"https://127.0.0.1:{server.Address.Port}", new() { HttpHandler = handler });

        var info = await new Edge.EdgeClient(channel).DescribeAsync(
            new() { Version = 1 }, DeviceStream.Headers("Bearer secret"), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("table", info.Model);
    }

    [Fact]
    public async Task Health_needs_no_token_and_says_serving()
    {
        await using var server = await StartAsync("secret");
        using var channel = GrpcChannel.ForAddress(server.Address);
        var health = new Health.HealthClient(channel);

        foreach (string service in new[] { "", "edge.v1.Edge" })
        {
            var answer = await health.CheckAsync(new() { Service = service }, cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, answer.Status);
        }
    }
}
