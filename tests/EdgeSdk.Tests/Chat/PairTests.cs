using EdgeSdk.Chat;
using EdgeSdk.Remote;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

public sealed class PairTests(GoldenPair golden) : IClassFixture<GoldenPair>
{
    [Fact]
    public async Task Agreement_covers_every_place_of_a_turn_written_together()
    {
        var cancelled = TestContext.Current.CancellationToken;
        var options = golden.Options(EdgeRoute.Together);
        var device = await Device.LoadAsync(options, null, cancelled);
        var server = new RemoteServer(new RemoteServerOptions { Address = golden.Server.Address });
        await using var pair = new Pair(device, server, TimeProvider.System);
        int tokens = 0;

        for (int turn = 0; turn < 3; turn++)
        {
            var request = ChatRequest.From([new(ChatRole.User, $"turn {turn}")], null, options, 1, "device");
            await foreach (var _ in pair.WriteAsync(request, new Answer(), cancelled))
                tokens++;

            Assert.Equal(tokens, pair.Agreement.Places);
        }
    }
}
