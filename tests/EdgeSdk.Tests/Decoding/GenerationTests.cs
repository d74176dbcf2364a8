using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Decoding;

/// <summary>The model says the place: behind a text of n tokens it says n.</summary>
public class GenerationTests
{
    private readonly List<TablePass> _passes = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(3, false, 1000, "4 5 6", (int)FinishReason.Length)]
    [InlineData(30, false, 1000, "4 5 6 7 8", (int)FinishReason.End)]
    [InlineData(6, true, 1000, "4 5 6 7 8 9", (int)FinishReason.Length)]
    [InlineData(30, true, 6, "4 5", (int)FinishReason.Length)]
    [InlineData(0, false, 1000, "", (int)FinishReason.Length)]
    [InlineData(5, false, 1000, "4 5 6 7 8", (int)FinishReason.End)]
    public async Task A_text_ends_by_its_end_token_its_limit_or_the_context(int maxTokens, bool ignoreEnd, int context, string expected, int finish)
    {
        var model = Model(context);
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        var generation = new Generation(sequence, StopRule.For(model.Info, 4, maxTokens, ignoreEnd));

        Assert.Equal(expected, await TextAsync(generation, [0, 8, 2, 8]));
        Assert.Equal((FinishReason)finish, generation.Finish);
    }

    [Fact]
    public void A_prompt_that_fills_the_context_is_refused()
    {
        var error = Assert.Throws<ContextOverflowException>(() => StopRule.For(Worlds.Info(10, 4), 4, 1));

        Assert.Equal(5, error.Wanted);
    }

    [Fact]
    public async Task A_kept_sequence_takes_in_only_what_is_new()
    {
        var model = Model(1000);
        await using var kept = new KeptSequence(await model.OpenAsync(SamplerSpec.Greedy, Cancel));
        Assert.Equal("3 4 5", await TextAsync(new Generation(kept, StopRule.For(model.Info, 3, 3)), [0, 1, 2]));
        _passes.Clear();

        int[] next = [0, 1, 2, 3, 4, 9, 9];
        Assert.Equal(5, await kept.ShareAsync(next, Cancel));
        Assert.Equal("7", await TextAsync(new Generation(kept, StopRule.For(model.Info, 7, 1)), next));
        Assert.Equal([new(5, 2)], _passes);

        Assert.Equal(2, await kept.ShareAsync(new[] { 0, 1, 5 }, Cancel));
        Assert.Equal(1, await kept.ShareAsync(new[] { 0, 1 }, Cancel)); // a choice needs a token to follow
        Assert.Equal(1, kept.Length);
    }

    [Fact]
    public async Task Cancelling_ends_it_by_an_exception_within_one_pass()
    {
        var model = Model(1000);
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        using var source = new CancellationTokenSource();
        var tokens = new List<int>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var pick in new Generation(sequence, StopRule.For(model.Info, 1, 100)).RunAsync(new[] { 0 }, source.Token))
            {
                tokens.Add(pick.Token);
                if (tokens.Count == 3)
                    await source.CancelAsync();
            }
        });

        Assert.Equal([1, 2, 3], tokens);
    }

    [Fact]
    public async Task A_token_costs_no_allocation()
    {
        await using var sequence = new Counting();
        var generation = new Generation(sequence, new StopRule(1, 1000, []));
        long before = 0, after = 0;
        await foreach (var pick in generation.RunAsync(new[] { 0 }, Cancel))
        {
            before = pick.Token == 10 ? GC.GetAllocatedBytesForCurrentThread() : before;
            after = pick.Token == 990 ? GC.GetAllocatedBytesForCurrentThread() : after;
        }

        Assert.Equal(0, after - before);
    }

    private sealed class Counting : ISequence
    {
        public int Length { get; private set; }

        public ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default)
        {
            Length += tokens.Length;
            picks.Span[^1] = new(Length, 0, 1);
            return ValueTask.CompletedTask;
        }

        public ValueTask RewindAsync(int length, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public void Resample(SamplerSpec sampler) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private TableModel Model(int context) => new(
        Worlds.Info(10, context, 8), new(1, 1, default), (ulong text, int place, in SamplerSpec sampler) => new(place, 0, 1), pass =>
        {
            _passes.Add(pass);
            return ValueTask.CompletedTask;
        });

    private static async Task<string> TextAsync(Generation generation, int[] text)
    {
        var tokens = new List<int>();
        await foreach (var pick in generation.RunAsync(text, Cancel))
            tokens.Add(pick.Token);

        return string.Join(' ', tokens);
    }
}
