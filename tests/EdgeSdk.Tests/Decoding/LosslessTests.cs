using EdgeSdk.Decoding;

namespace EdgeSdk.Tests.Decoding;

/// <summary>
/// The promise that all of this stands on, over 20,000 worlds: greedy and sampled, any pace, window and agreement, output and context limits, end tokens, lost
/// drafts, nonsense in their place, and connections that are cut at any time and resumed.
/// </summary>
public class LosslessTests
{
    private const int Worlds = 2500;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public async Task Device_and_server_together_write_what_the_server_writes_alone_cut_or_not(int part)
    {
        int accepted = 0, resumed = 0;
        for (int seed = part * Worlds; seed < (part + 1) * Worlds; seed++)
        {
            var world = Decoding.Worlds.Any(seed);
            var turn = Simulation.Run(world);
            var (tokens, finish) = await Decoding.Worlds.AloneAsync(world, TestContext.Current.CancellationToken);

            Assert.True(tokens.AsSpan().SequenceEqual(turn.Tokens), $"seed {seed}: alone {string.Join(' ', tokens)}, together {string.Join(' ', turn.Tokens)}");
            Assert.True(finish == turn.Finish, $"seed {seed}: alone {finish}, together {turn.Finish}");
            Assert.True(turn.Agreement.Places == tokens.Length, $"seed {seed}: {turn.Agreement.Places} of {tokens.Length} places were compared");
            Assert.True(
                turn.Connections > 1 || turn.Server.Drafted == turn.Server.Accepted + turn.Server.Wasted,
                $"seed {seed}: {turn.Server} does not add up");
            accepted += turn.Server.Accepted;
            resumed += turn.Connections - 1;
        }

        Assert.True(accepted > Worlds / 2 && resumed > Worlds / 2, $"{accepted} drafts accepted, {resumed} connections resumed: too few to show anything");
    }
}
