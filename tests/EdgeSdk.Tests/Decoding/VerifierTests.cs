using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Decoding;

/// <summary>The server's model counts up by one: behind a text that ends with n it says n + 1.</summary>
public class VerifierTests
{
    private const int Vocabulary = 10_000;
    private static readonly int[] Prompt = [5000, 0];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Accepts_the_longest_agreeing_prefix_and_adds_its_own_token()
    {
        await using var verifier = await OpenAsync();
        verifier.Offer(2, [1, 2, 9, 4], heard: 2);
        var commit = await verifier.StartAsync(Prompt, Cancel);

        Assert.Equal("1 2 3", Text(commit));
        Assert.Equal(2, commit!.Value.Place);
        Assert.Equal(2, commit!.Value.Accepted);
        Assert.Equal(2, commit!.Value.Wasted);
    }

    [Fact]
    public async Task Without_drafts_it_steps_alone_and_goes_on_where_it_was()
    {
        await using var verifier = await OpenAsync();
        Assert.Equal("1", Text(await verifier.StartAsync(Prompt, Cancel)));
        Assert.Equal("2", Text(await verifier.NextAsync(Cancel)));
        Assert.Equal(4, verifier.Place);
        Assert.Equal(new VerifierUsage(2, 0, 0, 0), verifier.Usage);
    }

    [Fact]
    public async Task Drafts_behind_a_gap_wait_for_their_place()
    {
        await using var verifier = await OpenAsync();
        verifier.Offer(3, [2, 3], heard: 2);
        Assert.Equal("1", Text(await verifier.StartAsync(Prompt, Cancel)));
        var commit = await verifier.NextAsync(Cancel);

        Assert.Equal("2 3 4", Text(commit));
        Assert.Equal(2, commit!.Value.Accepted);
    }

    [Fact]
    public async Task After_a_disagreement_drafts_of_who_had_not_heard_of_it_are_dropped()
    {
        await using var verifier = await OpenAsync();
        verifier.Offer(2, [7], heard: 2);
        await verifier.StartAsync(Prompt, Cancel);       // 1, not 7
        verifier.Offer(3, [2, 3], heard: 2);             // made behind the 7, if right by chance
        var commit = await verifier.NextAsync(Cancel);
        Assert.Equal("2", Text(commit));
        Assert.Equal(2, commit!.Value.Wasted);

        verifier.Offer(4, [3, 4], heard: 3);
        Assert.Equal(2, (await verifier.NextAsync(Cancel))!.Value.Accepted);
    }

    [Fact]
    public async Task A_late_draft_that_differs_from_the_text_voids_those_behind_it()
    {
        await using var verifier = await OpenAsync();
        await verifier.StartAsync(Prompt, Cancel);
        verifier.Offer(2, [9, 2, 3], heard: 2);
        Assert.Equal("2", Text(await verifier.NextAsync(Cancel)));
        Assert.Equal(3, verifier.Usage.Wasted);
    }

    [Fact]
    public async Task A_late_draft_that_agrees_costs_itself_only()
    {
        await using var verifier = await OpenAsync();
        await verifier.StartAsync(Prompt, Cancel);
        verifier.Offer(2, [1, 2, 3], heard: 2);
        var commit = await verifier.NextAsync(Cancel);

        Assert.Equal(2, commit!.Value.Accepted);
        Assert.Equal(1, commit!.Value.Wasted);
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MaxValue - 3)]
    [InlineData(2 + Verifier.MostWaiting)]
    public async Task Drafts_for_places_out_of_range_are_dropped_and_counted(int place)
    {
        await using var verifier = await OpenAsync();
        verifier.Offer(place, [1, 2, 3, 4, 5], heard: 0);
        verifier.Offer(place, [1, 2, 3, 4, 5], heard: int.MinValue);
        await verifier.StartAsync(Prompt, Cancel);
        verifier.Offer(place, [1, 2, 3, 4, 5], heard: place);
        Assert.Equal("2", Text(await verifier.NextAsync(Cancel)));

        Assert.Equal(0, verifier.Usage.Accepted);
        Assert.Equal(15, verifier.Usage.Drafted);
    }

    [Fact]
    public async Task Ids_out_of_range_never_reach_the_engine()
    {
        await using var verifier = await OpenAsync();
        verifier.Offer(2, [1, Vocabulary, 3], heard: 2);
        verifier.Offer(4, [-1], heard: 2);
        var commit = await verifier.StartAsync(Prompt, Cancel);

        Assert.Equal("1 2", Text(commit));
        Assert.Equal(3, commit!.Value.Wasted);
    }

    [Fact]
    public async Task A_frame_gives_at_most_its_limit_and_the_places_that_wait_are_bounded()
    {
        await using var verifier = await OpenAsync();
        await verifier.StartAsync(Prompt, Cancel);
        for (int frame = 0; frame < 40; frame++)
            verifier.Offer(3 + frame * 64, [.. Enumerable.Range(2 + frame * 64, 100)], heard: 3);

        // 40 frames of 64 that are taken, 16 of them within the 1,024 places that wait.
        Assert.Equal(4000 - Verifier.MostWaiting, verifier.Usage.Wasted);
    }

    [Fact]
    public async Task Nothing_is_committed_beyond_an_end_token()
    {
        await using var verifier = await OpenAsync(ends: [3]);
        verifier.Offer(2, [1, 2, 3, 4, 5], heard: 2);
        var commit = await verifier.StartAsync(Prompt, Cancel);

        Assert.Equal("1 2 3", Text(commit));
        Assert.Equal(FinishReason.End, verifier.Finish);
        Assert.Null(await verifier.NextAsync(Cancel));
        Assert.Equal(new VerifierUsage(1, 5, 3, 2), verifier.Usage);
    }

    [Fact]
    public async Task Nothing_is_committed_beyond_the_output_limit()
    {
        await using var verifier = await OpenAsync(maxTokens: 3);
        verifier.Offer(2, [1, 2, 3, 4, 5], heard: 2);
        Assert.Equal("1 2 3", Text(await verifier.StartAsync(Prompt, Cancel)));
        Assert.Equal(FinishReason.Length, verifier.Finish);
    }

    [Fact]
    public async Task No_draft_is_fed_beyond_the_context()
    {
        var passes = new List<TablePass>();
        var model = Model(Worlds.Linear(0.01, 0.001), [], context: 5, pace: pass =>
        {
            passes.Add(pass);
            return ValueTask.CompletedTask;
        });
        await using var verifier = new Verifier(model, await model.OpenAsync(SamplerSpec.Greedy, Cancel), StopRule.For(model.Info, 2, 100), TimeProvider.System);
        verifier.Offer(2, [1, 2, 3, 4, 5, 6], heard: 2);

        Assert.Equal("1 2 3", Text(await verifier.StartAsync(Prompt, Cancel)));
        Assert.Equal([new(0, 4)], passes);
    }

    [Fact]
    public async Task A_lower_limit_while_it_runs_is_kept()
    {
        await using var verifier = await OpenAsync();
        await verifier.StartAsync(Prompt, Cancel);
        verifier.StopAfter(3);
        verifier.Offer(3, [2, 3, 4], heard: 3);
        Assert.Equal("2", Text(await verifier.NextAsync(Cancel)));
        Assert.Equal(FinishReason.Length, verifier.Finish);
    }

    [Theory]
    [InlineData(new[] { 5000, 0, 1, 2, 3 }, (int)FinishReason.Length)]
    [InlineData(new[] { 5000, 0, 1, 77 }, (int)FinishReason.End)]
    public async Task A_resumed_text_that_has_ended_stays_ended(int[] text, int finish)
    {
        await using var verifier = await OpenAsync(maxTokens: 3, ends: [77]);

        Assert.Null(await verifier.StartAsync(text, Cancel));
        Assert.Equal((FinishReason)finish, verifier.Finish);
    }

    [Fact]
    public async Task An_end_token_within_the_prompt_ends_nothing()
    {
        await using var verifier = await OpenAsync(ends: [0, 5000]);

        Assert.Equal("1", Text(await verifier.StartAsync(Prompt, Cancel)));
    }

    [Fact]
    public async Task Where_a_draft_costs_a_step_of_its_own_none_is_verified_but_agreement_is_still_learnt()
    {
        await using var verifier = await OpenAsync(cost: Worlds.Linear(0.01, 1));
        verifier.Offer(2, [1, 2, 3], heard: 2);
        Assert.Equal("1", Text(await verifier.StartAsync(Prompt, Cancel)));
        Assert.Equal("2", Text(await verifier.NextAsync(Cancel)));
        Assert.Equal(0, verifier.Usage.Accepted);
        Assert.Equal(2, verifier.Usage.Wasted);
    }

    [Fact]
    public async Task Drafts_that_arrive_while_a_long_prompt_is_taken_in_are_verified_in_its_last_pass()
    {
        Verifier? verifier = null;
        var passes = new List<TablePass>();
        int[] prompt = [.. Enumerable.Repeat(5000, 999), 0];
        var model = Model(Worlds.Linear(0.01, 0.02), [], pass =>
        {
            passes.Add(pass);
            if (passes.Count == 1)
                verifier!.Offer(1000, [1, 2], heard: 1000);

            return ValueTask.CompletedTask;
        });
        verifier = new Verifier(model, await model.OpenAsync(SamplerSpec.Greedy, Cancel), StopRule.For(model.Info, 1000, 100), TimeProvider.System, promptChunk: 256);
        await using var owned = verifier;
        var commit = await verifier.StartAsync(prompt, Cancel);

        Assert.Equal("1 2 3", Text(commit));
        Assert.Equal([new(0, 768), new(768, 234)], passes);
    }

    [Fact]
    public async Task A_cancelled_pass_commits_nothing()
    {
        using var source = new CancellationTokenSource();
        await using var verifier = await OpenAsync();
        await verifier.StartAsync(Prompt, source.Token);
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await verifier.NextAsync(source.Token));
        Assert.Equal(3, verifier.Place);
    }

    private static string Text(Commit? commit) => string.Join(' ', commit!.Value.Tokens.ToArray());

    private static async Task<Verifier> OpenAsync(int maxTokens = 5000, StepCost? cost = null, params int[] ends)
    {
        var model = Model(cost ?? Worlds.Linear(0.01, 0.001), ends);
        return new(model, await model.OpenAsync(SamplerSpec.Greedy, Cancel), StopRule.For(model.Info, 2, maxTokens), TimeProvider.System);
    }

    private static TableModel Model(StepCost cost, int[] ends, Func<TablePass, ValueTask>? pace = null, int context = 100_000)
    {
        // The hash of a text tells its last token where the text is one that these tests write.
        Pick Count(ulong text, int place, in SamplerSpec sampler) => new(Last(text), 0, 1);
        var last = new Dictionary<ulong, int>();
        int Last(ulong text)
        {
            if (last.TryGetValue(text, out int next))
                return next;

            foreach (int length in new[] { 2, 1000 })
            {
                ulong hash = TableModel.Empty;
                for (int i = 0; i < length - 1; i++)
                    hash = TableModel.Extend(hash, 5000);

                for (int token = 0; token < 200; token++)
                    last[hash = TableModel.Extend(hash, token)] = token + 1;
            }

            return last.GetValueOrDefault(text, 4999);
        }

        return new(Worlds.Info(Vocabulary, context, ends), new(65, 1, cost), Count, pace);
    }
}
