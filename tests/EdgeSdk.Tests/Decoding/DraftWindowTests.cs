using EdgeSdk.Decoding;
using EdgeSdk.Sampling;
using Microsoft.Extensions.Time.Testing;

namespace EdgeSdk.Tests.Decoding;

/// <summary>The device's model says the place: behind a text of n tokens it says n.</summary>
public class DraftWindowTests
{
    private readonly List<TablePass> _passes = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Drafts_ahead_within_its_window()
    {
        await using var window = await OpenAsync();
        window.Size = 3;
        await DraftAllAsync(window);

        Assert.Equal("2 3 4", Text(window.Ahead));
        Assert.Equal(2, window.Committed);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await window.DraftAsync(Cancel));
    }

    [Fact]
    public async Task Keeps_what_a_commit_confirms_and_goes_on_behind_it()
    {
        await using var window = await OpenAsync();
        window.Size = 3;
        await DraftAllAsync(window);
        Assert.Equal(2, await window.CommitAsync(2, new[] { 2, 3 }, Cancel));
        Assert.Equal("4", Text(window.Ahead));
        await DraftAllAsync(window);

        Assert.Equal("4 5 6", Text(window.Ahead));
        Assert.Equal([new(0, 2), new(2, 1), new(3, 1), new(4, 1), new(5, 1)], _passes);
    }

    [Fact]
    public async Task Goes_back_where_a_commit_differs_and_takes_it_in_with_the_next_draft()
    {
        await using var window = await OpenAsync();
        await DraftAllAsync(window);
        Assert.Equal(1, await window.CommitAsync(2, new[] { 2, 90, 91 }, Cancel));
        Assert.True(window.Ahead.IsEmpty);
        _passes.Clear();

        Assert.Equal(new Draft(5, 5), await window.DraftAsync(Cancel));
        Assert.Equal([new(3, 2)], _passes);
        Assert.Equal(3, window.Agreement.Places); // 2 agrees, 90 does not, 91 does not
        Assert.Equal(1, window.Agreement.Agreed);
    }

    [Fact]
    public async Task Compares_what_it_never_drafted_in_batches()
    {
        await using var window = await OpenAsync();
        await window.CommitAsync(2, new[] { 2, 3, 90, 5, 6, 7 }, Cancel);
        await window.TakeInAsync(window.Untaken - 1, Cancel);

        Assert.Equal([new(0, 7)], _passes);
        Assert.Equal(6, window.Agreement.Places);
        Assert.Equal(5, window.Agreement.Agreed);
        Assert.True(window.Ahead.IsEmpty);
    }

    [Fact]
    public async Task A_prompt_can_be_taken_in_piece_by_piece_while_commits_come()
    {
        await using var window = await OpenAsync(prompt: 10);
        await window.TakeInAsync(4, Cancel);
        await window.CommitAsync(10, new[] { 10, 11 }, Cancel);
        await window.TakeInAsync(4, Cancel);

        Assert.Equal(new Draft(12, 12), await window.DraftAsync(Cancel));
        Assert.Equal([new(0, 4), new(4, 4), new(8, 4)], _passes);
        Assert.Equal(2, window.Agreement.Agreed);
    }

    [Fact]
    public async Task Nothing_is_drafted_behind_an_end_token_or_the_limit()
    {
        await using var limited = await OpenAsync(maxTokens: 2);
        await DraftAllAsync(limited);
        Assert.Equal("2 3", Text(limited.Ahead));

        await using var ended = await OpenAsync(ends: [4]);
        await DraftAllAsync(ended);
        Assert.Equal("2 3 4", Text(ended.Ahead));
    }

    [Fact]
    public async Task Where_its_own_context_ends_it_stops_drafting_and_the_text_goes_on()
    {
        await using var window = await OpenAsync(context: 5, maxTokens: 20);
        await DraftAllAsync(window);
        Assert.Equal("2 3 4 5", Text(window.Ahead));
        await window.CommitAsync(2, new[] { 2, 3, 4, 5, 6, 7, 8 }, Cancel);
        await window.TakeInAsync(window.Untaken, Cancel);

        Assert.False(window.CanDraft);
        Assert.Equal(0, window.Untaken);
        Assert.Equal(9, window.Committed);
    }

    [Theory]
    [InlineData(3, new[] { 3 }, "place 3; the next one is 2")]
    [InlineData(2, new int[0], "nothing at place 2")]
    [InlineData(2, new[] { 2, 100 }, "token 100 at place 3")]
    [InlineData(2, new[] { 2, 99, 4 }, "place 4, behind the end of the text")]
    [InlineData(2, new[] { 2, 3, 4, 5, 6, 7 }, "place 7, behind the end of the text")]
    public async Task A_commit_that_breaks_the_protocol_is_refused(int place, int[] tokens, string message)
    {
        await using var window = await OpenAsync(maxTokens: 5, ends: [99]);
        var error = await Assert.ThrowsAsync<EdgeException>(async () => await window.CommitAsync(place, tokens, Cancel));

        Assert.Equal(EdgeErrorCode.Protocol, error.Code);
        Assert.Contains(message, error.Message);
        Assert.Equal(2, window.Committed);
    }

    [Fact]
    public async Task The_time_of_a_draft_is_measured_on_passes_of_one_token()
    {
        var time = new FakeTimeProvider();
        await using var window = await OpenAsync(time: time);
        Assert.Equal(0.005f, window.DraftSeconds, 1e-6);
        await window.DraftAsync(Cancel); // the prompt's
        Assert.Equal(0.005f, window.DraftSeconds, 1e-6);
        for (int i = 0; i < 30; i++)
            await window.DraftAsync(Cancel);

        Assert.Equal(0.020, window.DraftSeconds, 0.001);
    }

    private async Task<DraftWindow> OpenAsync(
        int prompt = 2, int maxTokens = 50, int context = 1000, FakeTimeProvider? time = null, params int[] ends)
    {
        var model = new TableModel(
            Worlds.Info(100, context, ends), new(16, 1, Worlds.Linear(0.005, 0)), (ulong text, int place, in SamplerSpec sampler) => new(place, 0, 1), pass =>
            {
                _passes.Add(pass);
                time?.Advance(TimeSpan.FromSeconds(0.020));
                return ValueTask.CompletedTask;
            });
        var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        var stop = StopRule.For(Worlds.Info(100, 1000, ends), prompt, maxTokens);
        var window = new DraftWindow(model, sequence, stop, time ?? TimeProvider.System);
        window.Begin([.. Enumerable.Range(0, prompt)]);
        return window;
    }

    private static async Task DraftAllAsync(DraftWindow window)
    {
        while (window.CanDraft && window.Ahead.Length < 5)
            await window.DraftAsync(Cancel);
    }

    private static string Text(ReadOnlyMemory<int> tokens) => string.Join(' ', tokens.ToArray());
}
