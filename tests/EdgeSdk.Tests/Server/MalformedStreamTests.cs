using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Sampling;
using EdgeSdk.Server;
using Grpc.Core;

namespace EdgeSdk.Tests.Server;

public sealed class MalformedStreamTests
{
    private static readonly int[] Prompt = [5, 9, 17, 33];

    private static Open Good(Action<Open>? change = null)
    {
        var open = DeviceStream.OpenFor(Prompt, 50);
        change?.Invoke(open);
        return open;
    }

    private static void Bias(Open open, params (int Id, float Value)[] biases)
    {
        open.Sampler.BiasIds.AddRange(biases.Select(bias => bias.Id));
        open.Sampler.Biases.AddRange(biases.Select(bias => bias.Value));
    }

    private static DeviceFrame[] Opening(Action<Open> change) => [new() { Open = Good(change) }];

    private static DeviceFrame[] Drafting(int place, int heard, params int[] ids) =>
        [new() { Open = Good() }, new() { Draft = new() { Place = place, Heard = heard, Ids = { ids } } }];

    private static int[] Many(int count) => [.. Enumerable.Repeat(2, count)];

    /// <summary>What is wrong, the status, and what its message must name.</summary>
    private static readonly Dictionary<string, (DeviceFrame[] Frames, StatusCode Status, string Names)> Cases = new()
    {
        ["another version"] = (Opening(open => open.Version = 2), StatusCode.FailedPrecondition, "Open.version is 2"),
        ["no version"] = (Opening(open => open.Version = 0), StatusCode.FailedPrecondition, "Open.version is 0"),
        ["another model"] = (Opening(open => open.Identity = "other"), StatusCode.FailedPrecondition, "Open.identity is other"),
        ["another vocabulary"] = (Opening(open => open.VocabularyFingerprint = "other"), StatusCode.FailedPrecondition, "Open.vocabulary_fingerprint is other"),
        ["turns where nothing renders"] = (Opening(open => open.Turns = new() { MessagesJson = "[]" }), StatusCode.FailedPrecondition, "Open.turns"),
        ["no text"] = (Opening(open => open.ClearText()), StatusCode.InvalidArgument, "Open.text"),
        ["an empty prompt"] = (Opening(open => open.Prompt.Ids.Clear()), StatusCode.InvalidArgument, "Open.prompt.ids"),
        ["a prompt's id below the vocabulary"] = (Opening(open => open.Prompt.Ids[2] = -1), StatusCode.InvalidArgument, "Open.prompt.ids[2] is -1"),
        ["a prompt's id above the vocabulary"] = (Opening(open => open.Prompt.Ids[0] = 64), StatusCode.InvalidArgument, "Open.prompt.ids[0] is 64"),
        ["a prompt as long as the context"] = (Opening(open => open.Prompt.Ids.AddRange(Many(4092))), StatusCode.InvalidArgument, "4096"),
        ["a committed id out of range"] = (Opening(open => open.Committed = new() { Ids = { int.MaxValue } }), StatusCode.InvalidArgument, "Open.committed.ids[0]"),
        ["more committed than asked for"] = (Opening(open => open.Committed = new() { Ids = { Many(51) } }), StatusCode.InvalidArgument, "Open.committed.ids"),
        ["a first draft out of range"] = (Opening(open => open.Drafts = new() { Ids = { 1, 2, 64 } }), StatusCode.InvalidArgument, "Open.drafts.ids[2]"),
        ["65 first drafts"] = (Opening(open => open.Drafts = new() { Ids = { Many(65) } }), StatusCode.InvalidArgument, "Open.drafts.ids is 65 long"),
        ["a negative limit"] = (Opening(open => open.MaxTokens = -1), StatusCode.InvalidArgument, "Open.max_tokens is -1"),
        ["a limit over the server's"] = (Opening(open => open.MaxTokens = 1001), StatusCode.InvalidArgument, "Open.max_tokens is 1001"),
        ["a negative temperature"] = (Opening(open => open.Sampler.Temperature = -1), StatusCode.InvalidArgument, "Temperature"),
        ["a temperature that is no number"] = (Opening(open => open.Sampler.Temperature = float.NaN), StatusCode.InvalidArgument, "Temperature"),
        ["top-p zero"] = (Opening(open => open.Sampler.TopP = 0), StatusCode.InvalidArgument, "TopP"),
        ["a negative top-k"] = (Opening(open => open.Sampler.TopK = -1), StatusCode.InvalidArgument, "TopK"),
        ["min-p one"] = (Opening(open => open.Sampler.MinP = 1), StatusCode.InvalidArgument, "MinP"),
        ["unknown noise"] = (Opening(open => open.Sampler.Noise = "white"), StatusCode.InvalidArgument, "Open.sampler.noise is white"),
        ["a negative budget for thinking"] = (Opening(open => open.Sampler.ThinkingBudget = -1), StatusCode.InvalidArgument, "Open.sampler.thinking_budget is -1"),
        ["a budget for thinking where nobody knows thoughts"] = (Opening(open => open.Sampler.ThinkingBudget = 5), StatusCode.FailedPrecondition, "thinking_budget"),
        ["a bias of a token out of range"] = (Opening(open => Bias(open, (64, 1))), StatusCode.InvalidArgument, "Open.sampler.bias_ids[0] is 64"),
        ["a bias without its value"] = (Opening(open => open.Sampler.BiasIds.Add(1)), StatusCode.InvalidArgument, "Open.sampler.biases is 0 long"),
        ["a bias that is no number"] = (Opening(open => Bias(open, (1, float.NaN))), StatusCode.InvalidArgument, "bias of token 1 is NaN"),
        ["a token biased twice"] = (Opening(open => Bias(open, (1, 1), (1, 2))), StatusCode.InvalidArgument, "bias of token 1"),
        ["a draft before Open"] = ([new() { Draft = new() { Place = 4, Ids = { 1 } } }], StatusCode.InvalidArgument, "begins with Open"),
        ["a ping before Open"] = ([new() { Ping = new() { Id = 1 } }], StatusCode.InvalidArgument, "begins with Open"),
        ["an empty frame before Open"] = ([new()], StatusCode.InvalidArgument, "begins with Open"),
        ["a second Open"] = ([new() { Open = Good() }, new() { Open = Good() }], StatusCode.InvalidArgument, "second Open"),
        ["a draft at a negative place"] = (Drafting(-1, 0, 2), StatusCode.InvalidArgument, "Draft.place is -1"),
        ["a draft beyond the context"] = (Drafting(int.MaxValue, 0, 2), StatusCode.InvalidArgument, "Draft.place is 2147483647"),
        ["a draft that heard less than nothing"] = (Drafting(4, -1, 2), StatusCode.InvalidArgument, "Draft.heard is -1"),
        ["a draft that heard more than there can be"] = (Drafting(4, int.MaxValue, 2), StatusCode.InvalidArgument, "Draft.heard is 2147483647"),
        ["a draft of nothing"] = (Drafting(4, 4), StatusCode.InvalidArgument, "Draft.ids is 0 long"),
        ["65 drafts"] = (Drafting(4, 4, Many(65)), StatusCode.InvalidArgument, "Draft.ids is 65 long"),
        ["a draft's id out of range"] = (Drafting(4, 4, 2, -5), StatusCode.InvalidArgument, "Draft.ids[1] is -5"),
        ["a cancel at an impossible place"] = ([new() { Open = Good() }, new() { Cancel = new() { LastPlace = -2 } }], StatusCode.InvalidArgument, "Cancel.last_place is -2"),
        ["a frame over the limit"] = (Opening(open => open.Client = new('x', 256 * 1024)), StatusCode.ResourceExhausted, "size"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_stream_that_breaks_the_protocol_ends_in_a_typed_status_and_harms_no_other(string what)
    {
        var (frames, status, names) = Cases[what];
        using var passes = new SemaphoreSlim(0);
        await using var server = await StartAsync(async _ => await passes.WaitAsync());
        await using var good = new DeviceStream(server.Address);
        await good.SendAsync(Good());
        await good.ReadOpenedAsync();
        await using var bad = new DeviceStream(server.Address);
        var failure = bad.ReadFailureAsync();
        foreach (var frame in frames)
            await bad.SendWhileOpenAsync(frame);

        await Eventually.HoldsAsync(() => { passes.Release(); return failure.IsCompleted; }, what);

        Assert.Equal(status, (await failure).StatusCode);
        Assert.Contains(names, (await failure).Status.Detail, StringComparison.Ordinal);
        passes.Release(1000);
        Assert.Equal(await ServedModel.AloneAsync(Prompt, 50, SamplerSpec.Greedy, ignoreEnd: true), (await good.ReadToEndAsync()).Tokens);
        await Eventually.HoldsAsync(() => server.Sessions == 0, "both sessions are gone");
    }

    [Fact]
    public async Task What_is_just_within_the_limits_is_taken()
    {
        await using var server = await StartAsync(_ => ValueTask.CompletedTask);
        var open = Good(open =>
        {
            open.Drafts = new() { Ids = { Many(64) } };
            open.MaxTokens = 1000;
            open.Prompt.Ids.AddRange(Many(4091));
        });

        var text = await DeviceStream.DecodeAsync(server.Address, open);

        Assert.Equal((1, 64), (text.Tokens.Count, text.Finished.Drafted));
        Assert.Equal(Finished.Types.Reason.Length, text.Finished.Reason);
    }

    [Fact]
    public async Task Frames_and_fields_of_a_later_version_are_ignored()
    {
        using var passes = new SemaphoreSlim(0);
        await using var server = await StartAsync(async _ => await passes.WaitAsync());
        await using var stream = new DeviceStream(server.Address);
        var unknown = DeviceFrame.Parser.ParseFrom([0x9A, 0x06, 0x01, 0x2A]); // field 99
        await stream.SendAsync(Good());
        await stream.ReadOpenedAsync();
        await stream.SendAsync(unknown);
        await stream.SyncAsync(1);
        passes.Release(1000);

        Assert.Equal(50, (await stream.ReadToEndAsync()).Tokens.Count);
    }

    private static Task<EdgeServer> StartAsync(Func<TablePass, ValueTask> pace) => EdgeServer.StartAsync(
        ServedModel.Create(pace),
        new() { Urls = "http://127.0.0.1:0", Limits = new() { MaxTokens = 1000 } });
}
