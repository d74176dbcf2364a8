using System.Diagnostics;
using EdgeSdk.Decoding;
using EdgeSdk.Sampling;
using EdgeSdk.Server;

namespace EdgeSdk.Tests.Server;

public sealed class PaddedModelTests
{
    private static readonly TimeSpan Pass = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task Every_pass_takes_at_least_the_time_given()
    {
        var padded = new PaddedModel(ServedModel.Create(), Pass);
        await using var sequence = await padded.OpenAsync(SamplerSpec.Greedy, TestContext.Current.CancellationToken);
        var pick = new Pick[1];
        foreach (int[] tokens in new int[][] { [5, 9, 17, 33, 12], [3], [4, 8] })
        {
            long start = Stopwatch.GetTimestamp();
            await sequence.StepAsync(tokens, pick, TestContext.Current.CancellationToken);
            Assert.True(Stopwatch.GetElapsedTime(start) >= Pass, $"A pass over {tokens.Length} tokens took {Stopwatch.GetElapsedTime(start)}.");
        }
    }

    [Fact]
    public async Task The_text_is_the_inner_models()
    {
        int[] prompt = [5, 9, 17, 33];
        var padded = new PaddedModel(ServedModel.Create(), TimeSpan.FromMilliseconds(0.2));
        await using var sequence = await padded.OpenAsync(new(0.8f, 3), TestContext.Current.CancellationToken);
        var text = new List<int>();
        await foreach (var pick in new Generation(sequence, StopRule.For(padded.Info, prompt.Length, 30, ignoreEnd: true)).RunAsync(prompt, TestContext.Current.CancellationToken))
            text.Add(pick.Token);

        Assert.Equal(await ServedModel.AloneAsync(prompt, 30, new(0.8f, 3), ignoreEnd: true), text);
    }

    [Fact]
    public void The_cost_reported_is_at_least_the_time_given()
    {
        var model = new TableModel(ServedModel.Info, new(64, 1, new([0.001f, 0.002f, 0.050f])), TableModel.Random(7, ServedModel.Vocabulary, 6));

        Assert.Equal([0.02f, 0.02f, 0.05f], new PaddedModel(model, Pass).Traits.Cost.PassSeconds);
    }

    [Fact]
    public async Task A_cancellation_ends_the_padding_and_keeps_the_step()
    {
        using var cancel = new CancellationTokenSource();
        var model = ServedModel.Create(pass =>
        {
            cancel.CancelAfter(1);
            return ValueTask.CompletedTask;
        });
        var padded = new PaddedModel(model, TimeSpan.FromHours(1));
        await using var sequence = await padded.OpenAsync(SamplerSpec.Greedy, TestContext.Current.CancellationToken);

        await sequence.StepAsync(new[] { 5, 9 }, new Pick[1], cancel.Token);

        Assert.Equal(2, sequence.Length);
    }
}
