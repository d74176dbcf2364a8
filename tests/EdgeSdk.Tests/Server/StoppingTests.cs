using EdgeSdk.Sampling;
using EdgeSdk.Server;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace EdgeSdk.Tests.Server;

public sealed class StoppingTests
{
    private static readonly int[] Prompt = [5, 9, 17, 33];

    [Fact]
    public async Task A_stopping_server_ends_what_is_under_way_and_takes_nothing_new()
    {
        using var passes = new SemaphoreSlim(0);
        await using var server = await StartAsync(passes);
        await using var under = new DeviceStream(server.Address);
        await under.SendAsync(DeviceStream.OpenFor(Prompt, 20));
        await under.ReadOpenedAsync();
        using var channel = GrpcChannel.ForAddress(server.Address);
        using var watch = new Health.HealthClient(channel).Watch(new(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(await watch.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        await using var late = new DeviceStream(server.Address);

        var stopping = server.StopAsync(TestContext.Current.CancellationToken);
        Assert.True(await watch.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, watch.ResponseStream.Current.Status);
        await late.SendWhileOpenAsync(new() { Open = DeviceStream.OpenFor(Prompt, 20) });
        Assert.Equal(StatusCode.Unavailable, (await late.ReadFailureAsync()).StatusCode);
        passes.Release(1000);

        Assert.Equal(await ServedModel.AloneAsync(Prompt, 20, SamplerSpec.Greedy, ignoreEnd: true), (await under.ReadToEndAsync()).Tokens);
        await stopping;
        Assert.Equal(0, server.Sessions);
    }

    [Fact]
    public async Task What_does_not_end_in_time_can_be_resumed_elsewhere()
    {
        using var passes = new SemaphoreSlim(5);
        await using var server = await StartAsync(passes);
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(DeviceStream.OpenFor(Prompt, 20));
        await stream.ReadOpenedAsync();
        var tokens = new List<int>();
        while (tokens.Count < 5)
            tokens.AddRange((await stream.ReadAsync()).Commit.Ids);

        var stopping = server.StopAsync(new CancellationToken(canceled: true));
        passes.Release(1);
        Assert.Equal(StatusCode.Unavailable, (await stream.ReadFailureAsync()).StatusCode);
        await stopping;
        await using var other = await StartAsync(new SemaphoreSlim(1000));
        var open = DeviceStream.OpenFor(Prompt, 20);
        open.Committed = new() { Ids = { tokens } };
        tokens.AddRange((await DeviceStream.DecodeAsync(other.Address, open)).Tokens);

        Assert.Equal(await ServedModel.AloneAsync(Prompt, 20, SamplerSpec.Greedy, ignoreEnd: true), tokens);
    }

    private static Task<EdgeServer> StartAsync(SemaphoreSlim passes) =>
        EdgeServer.StartAsync(ServedModel.Create(async _ => await passes.WaitAsync()), new() { Urls = "http://127.0.0.1:0" });
}
