using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Modeling;
using EdgeSdk.Sampling;
using EdgeSdk.Server;
using EdgeSdk.Tests.Server;

namespace EdgeSdk.Tests.Cli;

public sealed class VerifyLosslessTests
{
    private static readonly int[][][] Dialogues = [[[5, 9, 17, 33], [5, 9, 17, 33, 8, 2]], [[40, 41]], [[7], [7, 8, 9]]];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static VerifyLosslessOptions Options { get; } = new() { Device = "", Server = "", Seeds = 5, Temperature = 0.9f, MaxTokens = 50 };

    public static TheoryData<string> Networks => ["near", "far", "cut", "far and cut"];

    [Theory]
    [MemberData(nameof(Networks))]
    public async Task A_pair_that_keeps_the_promise_passes(string network)
    {
        await using var server = await EdgeServer.StartAsync(
            ServedModel.Create(async _ => await Task.Yield()), new() { Urls = "http://127.0.0.1:0" }, cancellationToken: Cancellation);
        var options = Options with
        {
            Delay = network.Contains("far", StringComparison.Ordinal) ? TimeSpan.FromMilliseconds(3) : default,
            Cut = network.Contains("cut", StringComparison.Ordinal),
        };
        var differences = new List<string>();

        var result = await VerifyLossless.RunAsync(options, Device(0.8), server.Address, Dialogues, new Differences(differences), Cancellation);

        Assert.Empty(differences);
        Assert.True(result.Passed);
        Assert.Equal((3 * 5, 5 * 5, 0), (result.Runs, result.Turns, result.Differences));
        Assert.InRange(result.Accepted, 1, result.Drafted);
        Assert.InRange(result.PassesPerToken, 0.05, 1);
        Assert.InRange(result.Agreement[0], 0.5, 1);
        Assert.Equal(options.Cut, result.Resumes > 0);
        Assert.Equal(0, server.Sessions);
    }

    [Fact]
    public async Task A_server_whose_text_depends_on_the_call_is_found_out()
    {
        int openings = 0;
        var fickle = TableModel.Random(seed: 7, ServedModel.Vocabulary, spread: 6);
        Pick Table(ulong text, int place, in SamplerSpec sampler)
        {
            openings += place == 4 ? 1 : 0;
            return fickle(place > 20 ? text + (ulong)openings : text, place, sampler);
        }

        var model = new TableModel(ServedModel.Info, new(64, 1, default), Table);
        await using var server = await EdgeServer.StartAsync(model, new() { Urls = "http://127.0.0.1:0" }, cancellationToken: Cancellation);
        var differences = new List<string>();

        var result = await VerifyLossless.RunAsync(Options, Device(0.8), server.Address, [[[5, 9, 17, 33]]], new Differences(differences), Cancellation);

        Assert.False(result.Passed);
        Assert.NotEqual(0, result.Differences);
        Assert.Equal(result.Differences, differences.Count);
        Assert.StartsWith("dialogue 1, turn 1, seed ", differences[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_accepted_is_no_proof()
    {
        const int guess = 3;
        var random = TableModel.Random(7, ServedModel.Vocabulary, 6);
        Pick NeverTheGuess(ulong text, int place, in SamplerSpec sampler)
        {
            var pick = random(text, place, sampler);
            return pick.Token == guess ? pick with { Token = guess + 1 } : pick;
        }

        await using var server = await EdgeServer.StartAsync(
            new TableModel(ServedModel.Info, new(64, 1, default), NeverTheGuess), new() { Urls = "http://127.0.0.1:0" }, cancellationToken: Cancellation);
        var device = new TableModel(ServedModel.Info, new(64, 1, default), (ulong _, int _, in SamplerSpec _) => new(guess, 0, 1));

        var result = await VerifyLossless.RunAsync(Options with { Temperature = 0 }, device, server.Address, Dialogues, null, Cancellation);

        Assert.Equal((0L, 0), (result.Accepted, result.Differences));
        Assert.False(result.Passed);
    }

    [Fact]
    public async Task Another_vocabulary_is_refused()
    {
        await using var server = await EdgeServer.StartAsync(ServedModel.Create(), new() { Urls = "http://127.0.0.1:0" }, cancellationToken: Cancellation);
        var stranger = new TableModel(ServedModel.Info with { VocabularyFingerprint = "other" }, new(64, 1, default), TableModel.Random(1, ServedModel.Vocabulary, 6));

        var failure = await Assert.ThrowsAsync<EdgeException>(() => VerifyLossless.RunAsync(Options, stranger, server.Address, Dialogues, null, Cancellation));

        Assert.Equal(EdgeErrorCode.Refused, failure.Code);
    }

    [Theory]
    [InlineData("near")]
    [InlineData("far and cut")]
    public async Task A_pair_of_random_weights_is_lossless(string network)
    {
        string folder = Directory.CreateTempSubdirectory("edge-lossless-").FullName;
        try
        {
            await Converter.ConvertAsync(Assets.Data("hf/qwen3"), Path.Combine(folder, "device"), cancellationToken: Cancellation);
            await Converter.ConvertAsync(Assets.Data("hf/deepseek_v3"), Path.Combine(folder, "server"), cancellationToken: Cancellation);
            var random = new Random(1);
            int[][] prompts = [.. Enumerable.Range(0, 4).Select(i => Enumerable.Range(0, 10 + 20 * i).Select(_ => random.Next(2, 512)).ToArray())];
            var options = new VerifyLosslessOptions
            {
                Device = Path.Combine(folder, "device"),
                Server = Path.Combine(folder, "server"),
                Prompts = prompts,
                Count = prompts.Length,
                Seeds = 3,
                Temperature = 1.5f, // random weights agree where the noise that both share decides
                MaxTokens = 40,
                Delay = network == "near" ? default : TimeSpan.FromMilliseconds(2),
                Cut = network != "near",
            };
            var differences = new List<string>();

            var result = await VerifyLossless.RunAsync(options, new Differences(differences), Cancellation);

            Assert.Empty(differences);
            Assert.True(result.Passed);
            Assert.Equal((12, 12), (result.Runs, result.Turns));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_result_prints_under_its_names()
    {
        var result = new VerifyLosslessResult(2, 3, 40, 50, 30, 0, [0.5, double.NaN], 0.61238, 7);

        Assert.Equal(
            """{"runs":2,"turns":3,"tokens":40,"drafted":50,"accepted":30,"differences":0,"agreement":[0.5,null],"passes_per_token":0.6124}""",
            result.ToJson().ToJsonString());
    }

    private static TableModel Device(double share) => new(
        ServedModel.Info,
        new(MaxStep: 64, ExactFrom: 1, Cost: default),
        TableModel.Mostly(TableModel.Random(7, ServedModel.Vocabulary, 6), TableModel.Random(8, ServedModel.Vocabulary, 6), share, seed: 1),
        async _ => await Task.Yield());

    private sealed class Differences(List<string> found) : IProgress<VerifyLosslessProgress>
    {
        public void Report(VerifyLosslessProgress value)
        {
            if (value.Difference is { } difference)
                found.Add(difference);
        }
    }
}
