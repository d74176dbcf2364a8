using System.Buffers;
using System.Text.Json;
using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Sampling;
using EdgeSdk.Server;
using EdgeSdk.Tests.Decoding;
using EdgeSdk.Tests.Server;

namespace EdgeSdk.Tests.Cli;

public sealed class NetworkBenchTests
{
    private const ulong Seed = 7;

    private static readonly int[][] Prompts = [[5, 9, 17, 33], [3, 4, 8], [40]];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_step_round_trip_and_temperature_has_its_row()
    {
        var rows = await RunAsync(Options with { StepMs = [0, 1], RoundTripMs = [0, 2], Temperatures = [0, 0.7f] });

        Assert.Equal(
            [(0, 0, 0f), (0, 0, 0.7f), (0, 2, 0f), (0, 2, 0.7f), (1, 0, 0f), (1, 0, 0.7f), (1, 2, 0f), (1, 2, 0.7f)],
            rows.Select(row => (row.StepMs, row.RoundTripMs, row.Temperature)));
    }

    [Fact]
    public async Task A_row_counts_the_tokens_that_the_server_writes_alone()
    {
        var sampler = new SamplerSpec(0.7f, 1);
        var row = Assert.Single(await RunAsync(Options with { StepMs = [0], RoundTripMs = [0], Temperatures = [0.7f] }));
        int expected = 0;
        foreach (int[] prompt in Prompts)
            expected += (await ServedModel.AloneAsync(prompt, Options.MaxTokens, sampler)).Length;

        Assert.Equal(expected, row.Tokens);
        Assert.InRange(row.Played!.ServerPasses, Prompts.Length, expected);
    }

    [Fact]
    public async Task No_turn_is_faster_than_the_network_and_the_steps_allow()
    {
        var row = Assert.Single(await RunAsync(Options with { StepMs = [2], RoundTripMs = [10] }));

        Assert.True(row.Played!.PlainSeconds >= Prompts.Length * 0.010 + row.Tokens * 0.002, row.ToString());
        Assert.True(row.Played.TogetherSeconds >= Prompts.Length * 0.010 + row.Played.ServerPasses * 0.002, row.ToString());
        Assert.True(row.Played.PredictedSeconds >= Prompts.Length * 0.010, row.ToString());
        Assert.True(row.Played.DraftSeconds > 0, row.ToString());
    }

    [Fact]
    public async Task Explained_alone_nothing_is_played()
    {
        var row = Assert.Single(await RunAsync(Options with { StepMs = [30], RoundTripMs = [0], Plays = false }));

        Assert.Null(row.Played);
        Assert.Equal(0.030, row.Gate.PlainSeconds, 1e-6);
        Assert.Equal(GateUnknowns.None, row.Gate.Decision.Assumed);
    }

    [Fact]
    public async Task Times_of_different_texts_are_not_compared()
    {
        // The server of the second step says something else than that of the first.
        ulong seed = Seed;
        var failure = await Assert.ThrowsAsync<EdgeException>(() => NetworkBench.RunAsync(
            Options with { StepMs = [0, 1], RoundTripMs = [0] }, Device(), Prompts, (step, stop) => HostAsync(step, seed++, stop), null, Stop));

        Assert.Equal(EdgeErrorCode.Engine, failure.Code);
        Assert.Contains("parts at token", failure.Message);
    }

    [Fact]
    public async Task A_pair_of_two_vocabularies_is_refused()
    {
        var device = Device(ServedModel.Info with { VocabularyFingerprint = "another" });
        var failure = await Assert.ThrowsAsync<EdgeException>(() => NetworkBench.RunAsync(Options, device, Prompts, HostAsync, null, Stop));

        Assert.Equal(EdgeErrorCode.Refused, failure.Code);
    }

    [Fact]
    public async Task An_interrupted_bench_ends_as_cancelled()
    {
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var progress = new Immediate<NetworkBenchProgress>(at =>
        {
            if (at.Turn == 1)
                interrupt.Cancel();
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => NetworkBench.RunAsync(Options, Device(), Prompts, HostAsync, progress, interrupt.Token));
    }

    [Fact]
    public async Task Progress_names_each_row_and_counts_its_turns()
    {
        var told = new List<(int Row, int Turn)>();
        await NetworkBench.RunAsync(
            Options with { StepMs = [0], RoundTripMs = [0, 1], Rounds = 1 }, Device(), Prompts, HostAsync, new Immediate<NetworkBenchProgress>(at => told.Add((at.Row, at.Turn))), Stop);

        Assert.Equal([(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3)], told);
    }

    [Fact]
    public void A_row_prints_the_fields_that_tools_read()
    {
        var row = Printed(explain: false);

        Assert.Equal(
            ["step_ms", "rtt_ms", "temperature", "tokens", "plain_s", "together_s", "server_passes", "draft_ms", "predicted_s"],
            row.EnumerateObject().Select(field => field.Name));
        Assert.Equal(40, row.GetProperty("step_ms").GetInt32());
        Assert.Equal(1.25, row.GetProperty("plain_s").GetDouble());
        Assert.Equal(0.5, row.GetProperty("draft_ms").GetDouble());
    }

    [Fact]
    public void An_explained_row_says_what_the_gate_rests_on()
    {
        var gate = Printed(explain: true).GetProperty("gate");

        Assert.True(gate.GetProperty("on").GetBoolean());
        Assert.StartsWith("drafting on: ", gate.GetProperty("reason").GetString());
        Assert.Equal(9, gate.GetProperty("verify_ms").GetArrayLength());
        Assert.Equal(8, gate.GetProperty("agreement").GetArrayLength());
        Assert.True(gate.GetProperty("together_ms_per_token").GetDouble() < gate.GetProperty("plain_ms_per_token").GetDouble());
    }

    [Fact]
    public void Turns_are_spread_over_all_of_the_file()
    {
        int[][] all = [.. Enumerable.Range(0, 10).Select(i => new[] { i })];

        Assert.Equal([0, 3, 6], NetworkBench.Spread(all, 3).Select(prompt => prompt[0]));
        Assert.Equal(10, NetworkBench.Spread(all, 30).Count);
    }

    [Theory]
    [InlineData("bench", "--device", "d", "--server", "s")]
    [InlineData("bench", "--network", "--server", "s")]
    [InlineData("bench", "--network", "--device", "d", "--server", "s", "--step-ms", "10,x")]
    [InlineData("bench", "--network", "--device", "d", "--server", "s", "--rtt-ms", "")]
    [InlineData("bench", "--network", "--device", "d", "--server", "s", "--temperature", "-1")]
    [InlineData("bench", "--network", "--device", "d", "--server", "s", "--rounds", "0")]
    [InlineData("bench", "--network", "--device", "d", "--server", "http://127.0.0.1:5005")]
    public async Task Options_that_cannot_be_are_usage_errors(params string[] arguments) =>
        Assert.Equal(ExitCode.Usage, await CommandLine.RunAsync(arguments));

    private static NetworkBenchOptions Options { get; } = new()
    {
        Device = "",
        Server = "",
        Dialogues = "",
        StepMs = [1],
        RoundTripMs = [1],
        Rounds = 2,
        MaxTokens = 12,
    };

    private static JsonElement Printed(bool explain)
    {
        var agreement = new Agreement();
        for (int i = 0; i < 100; i++)
            agreement.Add(i % 5 != 0);

        var cost = Worlds.Linear(0.040, 0);
        var decision = new Gate().Decide(new(cost, 0.020, 0.0005, agreement));
        var row = new NetworkBenchRow(40, 20, 0, 25, new(1.25, 0.75, 11, 0.0005, 0.7), new(decision, cost, agreement.Report()));
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            row.Write(json, explain);

        return JsonDocument.Parse(buffer.WrittenMemory).RootElement;
    }

    private static Task<IReadOnlyList<NetworkBenchRow>> RunAsync(NetworkBenchOptions options) =>
        NetworkBench.RunAsync(options, Device(), Prompts, HostAsync, null, Stop);

    /// <summary>A device that agrees with the server at four places of five.</summary>
    private static TableModel Device(ModelInfo? info = null) => new(
        info ?? ServedModel.Info,
        new(64, 1, Worlds.Linear(0.0001, 0.1)),
        TableModel.Mostly(TableModel.Random(Seed, ServedModel.Vocabulary, 6), TableModel.Random(~Seed, ServedModel.Vocabulary, 6), 0.8, Seed));

    private static Task<BenchServer> HostAsync(TimeSpan step, CancellationToken cancellationToken) => HostAsync(step, Seed, cancellationToken);

    private static async Task<BenchServer> HostAsync(TimeSpan step, ulong seed, CancellationToken cancellationToken)
    {
        var model = new TableModel(ServedModel.Info, new(64, 1, Worlds.Linear(0.0001, 0.1)), TableModel.Random(seed, ServedModel.Vocabulary, 6));
        var server = await EdgeServer.StartAsync(new PaddedModel(model, step), new() { Urls = "http://127.0.0.1:0" }, cancellationToken: cancellationToken);
        return new(server.Address, server);
    }
}
